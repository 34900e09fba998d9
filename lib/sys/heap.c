/*
 * heap: see heap.h.
 *
 * A hole is taken by asking for a piece of its size and keeping it.  A piece that
 * made the top of the heap smaller came from there: no hole of this size is left.
 * Sizes fall, so that a large hole is taken in few pieces.
 */
#include "base/base.h"
#include "sys/heap.h"

#include <malloc.h>
#include <stdlib.h>

#define LARGEST ((size_t)32768)	/* larger holes are as good as the top */
#define FINE ((size_t)2048)	/* below it every size that malloc tells apart */
#define GRAIN ((size_t)16)	/* by which they differ */
#define PIECES_MAX 20000

/* What was taken, kept for good: each piece begins with the address of the one before. */
static void **taken;

/* True when a piece of this size was taken out of a hole. */
static bool
take_hole(size_t size)
{
	size_t top = mallinfo2().keepcost;
	void **piece = malloc(size);

	if (piece == NULL)
		return false;
	if (mallinfo2().keepcost != top) {
		free(piece);
		return false;
	}
	*piece = (void *)taken;
	taken = piece;
	return true;
}

void
heap_settle(void)
{
	size_t pieces = 0;

	(void)malloc_trim(0);
	if (mallinfo2().keepcost == 0)
		return;
	for (size_t size = LARGEST; size >= GRAIN; size -= size > FINE ? size / 8 / GRAIN * GRAIN : GRAIN)
		while (pieces < PIECES_MAX && take_hole(size - sizeof(size_t)))
			pieces++;
}
