/* After heap_settle small pieces are not strewn over the holes of the heap. */
#include "base/base.h"
#include "sys/heap.h"

#include <malloc.h>
#include <stdlib.h>

#include "tap.h"

#define COUNT 3000

static char *piece[COUNT];

/* Holes of many sizes, each between two pieces that stay. */
static void
make_holes(void)
{
	for (size_t i = 0; i < COUNT; i++)
		piece[i] = malloc(24 + i % 97 * 40);
	for (size_t i = 1; i < COUNT; i += 2)
		free(piece[i]);
}

static size_t
count_in_holes(void)
{
	uintptr_t end = (uintptr_t)piece[COUNT - 1];
	size_t found = 0;
	char *later[71];

	for (size_t i = 0; i < PB_COUNT(later); i++) {
		later[i] = malloc(24 + i * 56);
		found += (uintptr_t)later[i] < end;
	}
	for (size_t i = 0; i < PB_COUNT(later); i++)
		free(later[i]);
	return found;
}

int
main(void)
{
	struct mallinfo2 before, after;

	make_holes();
	before = mallinfo2();
	if (before.keepcost == 0) {	/* another malloc, for instance that of a sanitizer */
		heap_settle();
		ok(count_in_holes() <= COUNT, "another malloc is left alone");
		return done();
	}
	heap_settle();
	after = mallinfo2();
	ok(after.fordblks - after.keepcost < (before.fordblks - before.keepcost) / 20, "hardly any hole is left");
	is_num(count_in_holes(), 0, "what comes later stands behind all there is");
	heap_settle();
	is_num(count_in_holes(), 0, "and the same again");
	return done();
}
