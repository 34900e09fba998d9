/*
 * exact: input copied to a heap block of exactly its size, so that the address
 * sanitizer sees a parser that reads one byte too far.
 */
#ifndef T_UNIT_EXACT_H
#define T_UNIT_EXACT_H

#include <stdlib.h>
#include "base/mem.h"
#include "base/span.h"

/* Call fn(span over such a copy of s, ctx). */
static inline void
with_exact(struct span s, void (*fn)(struct span copy, void *ctx), void *ctx)
{
	char *copy = mem_resize(NULL, s.n);

	if (s.n > 0)
		memcpy(copy, s.p, s.n);
	fn(span_make(copy, s.n), ctx);
	free(copy);
}

#endif
