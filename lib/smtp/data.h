/*
 * smtp/data: the bytes between DATA and the lone dot (RFC 5321 4.5.2).
 *
 * Only CR LF ends a line and only CR LF "." CR LF ends the message.  A bare CR,
 * a bare LF and a NUL are flaws: they are remembered, reading goes on to the
 * true end, and the server then refuses, so that no other idea of a line end
 * can make two messages of one (SMTP smuggling).
 */
#ifndef SMTP_DATA_H
#define SMTP_DATA_H

#include "base/base.h"
#include "base/buf.h"
#include "base/span.h"

enum {
	SMTP_FLAW_BARE_LF = 1,
	SMTP_FLAW_BARE_CR = 2,
	SMTP_FLAW_NUL = 4,
	SMTP_FLAW_LONG_LINE = 8		/* over max_line */
};

struct smtp_data {
	int state;
	size_t line;			/* bytes of the current line so far */
	size_t max_line;
	bool normalize;
	bool chunked;			/* BDAT: dots mean nothing, the end comes from outside */
	unsigned flaws;			/* SMTP_FLAW_ bits */
	bool done;			/* the end was read */
};

/*
 * max_line: longest line in bytes, CRLF included; 0 means LIMIT_DATA_LINE, which
 * is also the most.  normalize: write a bare CR and a bare LF as CRLF instead
 * of calling them flaws; they still end nothing but a line.
 */
void smtp_data_begin(struct smtp_data *d, size_t max_line, bool normalize);

/*
 * Read from in[0..n).  Writes the message bytes without the stuffed dots to
 * out, which has room for n + 1 bytes (one CR may have been held back), when
 * normalizing for 2 * n + 2, and does not overlap in; sets *out_n.  Returns how many bytes of `in` were used: all, unless the end
 * was reached, which sets d->done.  Once a flaw is set out gets nothing more.
 */
size_t smtp_data_feed(struct smtp_data *d, const char *in, size_t n, char *out, size_t *out_n);

/*
 * The same checks for the chunks of BDAT (RFC 3030), where a dot is a dot:
 * begin with smtp_data_begin_chunks, feed, and end with smtp_data_end, which
 * completes the last line.  out has room for 2 bytes.
 */
void smtp_data_begin_chunks(struct smtp_data *d, size_t max_line, bool normalize);
void smtp_data_end(struct smtp_data *d, char *out, size_t *out_n);

/*
 * The way out.  smtp_stuff_feed appends to out what must be sent for the next
 * piece of a message: dots stuffed, and every bare CR and bare LF made CRLF,
 * so that nobody downstream can see another end than ours.  out must have room
 * for 2 * n + 2 bytes (else it overflows).  smtp_stuff_end completes the last
 * line if needed and appends the lone dot.
 */
struct smtp_stuff {
	int state;
};

void smtp_stuff_begin(struct smtp_stuff *s);
void smtp_stuff_feed(struct smtp_stuff *s, struct span in, struct buf *out);
void smtp_stuff_end(struct smtp_stuff *s, struct buf *out);

#endif
