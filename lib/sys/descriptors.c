/* descriptors: see descriptors.h. */
#include "base/base.h"
#include "sys/descriptors.h"

#include <errno.h>
#include <unistd.h>

#include "base/die.h"

static int
compare(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return (x > y) - (x < y);
}

static void
close_from(unsigned first, unsigned last)
{
	if (first <= last && close_range(first, last, 0) != 0)
		die(EXIT_TRY_LATER, "close_range: %m");
}

void
descriptors_close_all_but(int *keep, size_t n)
{
	unsigned next = 3;

	qsort(keep, n, sizeof(*keep), compare);
	for (size_t i = 0; i < n; i++) {
		if (keep[i] < (int)next)
			continue;
		close_from(next, (unsigned)keep[i] - 1);
		next = (unsigned)keep[i] + 1;
	}
	close_from(next, ~0U);
}
