/*
 * buf: text that grows up to a stated maximum.
 *
 * A write that would pass the maximum adds nothing and sets `overflow`, which
 * stays set until buf_clear: callers write freely and check once.  The bytes
 * are always followed by a NUL that is not counted, so buf_text is a C string
 * as long as the content has no NUL itself.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/base.h"
#include "base/span.h"

struct buf {
	char *p;
	size_t n;
	size_t cap;
	size_t max;
	bool overflow;
	bool borrowed;		/* p is the caller's and is never freed or grown */
};

/* An empty buffer that may hold max bytes (1 to SIZE_MAX / 4). */
void buf_init(struct buf *b, size_t max);

/* The same over storage of the caller: holds size - 1 bytes, never allocates. */
void buf_init_fixed(struct buf *b, char *storage, size_t size);

void buf_free(struct buf *b);
void buf_clear(struct buf *b);			/* empty again; keeps the memory */
void buf_cut(struct buf *b, size_t n);		/* keep the first n bytes */
void buf_shift(struct buf *b, size_t n);	/* drop the first n bytes */

/* Each returns false, and sets overflow, when the text does not fit. */
bool buf_put(struct buf *b, const void *data, size_t n);
bool buf_text_put(struct buf *b, const char *text);
bool buf_span(struct buf *b, struct span s);
bool buf_char(struct buf *b, char c);
bool buf_printf(struct buf *b, const char *fmt, ...) PB_PRINTF(2, 3);
bool buf_vprintf(struct buf *b, const char *fmt, va_list ap) PB_PRINTF(2, 0);

/*
 * Room for n more bytes to be written in place; NULL (and overflow) when they
 * would pass the maximum.  buf_commit then counts those that were written.
 */
char *buf_reserve(struct buf *b, size_t n);
void buf_commit(struct buf *b, size_t n);

struct span buf_view(const struct buf *b);
const char *buf_text(const struct buf *b);	/* "" when empty; never NULL */

/*
 * Append s so that it is one line of printable ASCII: bytes below 0x20, 0x7f,
 * above 0x7e, and the backslash become \xNN.  For logs and replies.
 */
bool buf_escaped(struct buf *b, struct span s);

#endif
