/*
 * dots: a message in the wire form of a multi-line reply: every line ended by
 * CRLF, a leading dot doubled (RFC 1939 3).  Input may have bare LFs, and comes
 * in pieces of any size.
 */
#ifndef POP3_DOTS_H
#define POP3_DOTS_H

#include "base/base.h"
#include "base/buf.h"
#include "base/span.h"

struct pop3_dots {
	bool in_line;		/* not at the start of a line */
	bool after_cr;
	bool only_cr;		/* the line so far is a CR: it may still turn out to be empty */
	bool in_body;		/* the empty line has passed */
	bool has_limit;		/* TOP: stop after `left` lines of the body */
	bool done;		/* the limit is reached: the rest is not wanted */
	uint64_t left;
};

void pop3_dots_init(struct pop3_dots *d);
void pop3_dots_init_top(struct pop3_dots *d, uint32_t lines);

/*
 * Append the wire form of the next piece.  out must have room for twice its size plus 8.
 */
void pop3_dots_put(struct pop3_dots *d, struct span piece, struct buf *out);
/* End an unfinished last line, then append the closing ".\r\n". */
void pop3_dots_end(struct pop3_dots *d, struct buf *out);

#endif
