/*
 * fill: text of a wanted length, for tests at and over a limit.
 */
#ifndef T_UNIT_FILL_H
#define T_UNIT_FILL_H

#include "base/buf.h"
#include "base/die.h"

/* Append n times one character. */
static inline void
fill(struct buf *b, size_t n, char c)
{
	char *at = buf_reserve(b, n);

	if (at == NULL)
		bug("buffer too small for %zu bytes", n);
	memset(at, c, n);
	buf_commit(b, n);
}

#endif
