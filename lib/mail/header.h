/*
 * mail: RFC 5322 messages and MIME.  Everything in this room is pure: spans
 * in, values out, no I/O, no clock, no recursion, linear time.  Input is
 * hostile; both CRLF and bare LF end a line, so that files which other
 * programs put into a Maildir can be read.
 *
 * header: the fields of a header block (RFC 5322 2.2).
 */
#ifndef MAIL_HEADER_H
#define MAIL_HEADER_H

#include "base/base.h"
#include "base/buf.h"
#include "base/span.h"

struct header_field {
	struct span name;	/* without the colon and blanks before it */
	struct span value;	/* after the colon, folded as it stands, last line end left off */
	struct span raw;	/* the whole field, line ends included */
	bool valid;		/* false: a line without a colon or with a bad name */
};

/*
 * Cut the next field from *rest.  Returns false at the empty line that ends
 * the header (which is consumed: *rest is then the body) or at the end of the
 * text.  A line that is no field is returned with valid == false.
 */
bool header_next(struct span *rest, struct header_field *out);

/* Length of the header block, the empty line that ends it included. */
size_t header_length(struct span message);

/* Value of the first, or of the i-th (from 0), valid field of that name; SPAN_NONE when absent. */
struct span header_find(struct span block, const char *name);
struct span header_find_nth(struct span block, const char *name, size_t i);

/* How many valid fields have that name. */
size_t header_count(struct span block, const char *name);

/* Append value without its line ends (RFC 5322 2.2.3), blanks at both ends left off. */
void header_unfold(struct span value, struct buf *out);

/* Move *s behind blanks, line ends and comments (RFC 5322 3.2.2; nested ones too; an open one takes all). */
void header_skip_blanks(struct span *s);

#endif
