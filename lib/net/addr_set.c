/*
 * addr_set: see addr_set.h.
 *
 * Invariant after addr_set_seal: ranges are sorted by family and first address,
 * and each ends before the next begins, so at most one can hold an address.
 */
#include "base/base.h"
#include "net/addr_set.h"
#include "base/mem.h"

#include <stdlib.h>

/* IPv4 before IPv6, then by the bytes of the address. */
static int
compare(const struct addr *a, const struct addr *b)
{
	size_t n = a->family == AF_INET ? 4 : 16;

	if (a->family != b->family)
		return a->family == AF_INET ? -1 : 1;
	return memcmp(a->ip, b->ip, n);
}

static int
by_first(const void *a, const void *b)
{
	return compare(&((const struct addr_range *)a)->from, &((const struct addr_range *)b)->from);
}

void
addr_set_add(struct addr_set *set, const struct addr_range *range)
{
	if (set->count == set->room) {
		set->room = set->room == 0 ? 16 : 2 * set->room;
		set->at = mem_resize(set->at, set->room * sizeof(*set->at));
	}
	set->at[set->count++] = *range;
}

void
addr_set_seal(struct addr_set *set)
{
	size_t kept = 0;

	if (set->count == 0)
		return;
	qsort(set->at, set->count, sizeof(*set->at), by_first);
	for (size_t i = 1; i < set->count; i++) {
		struct addr_range *last = &set->at[kept];
		const struct addr_range *next = &set->at[i];

		/* Families differ: next.from is then greater than every last.to. */
		if (compare(&next->from, &last->to) > 0)
			set->at[++kept] = *next;
		else if (compare(&next->to, &last->to) > 0)
			last->to = next->to;
	}
	set->count = kept + 1;
}

bool
addr_set_has(const struct addr_set *set, const struct addr *a)
{
	size_t low = 0, high = set->count;

	if (a->family != AF_INET && a->family != AF_INET6)
		return false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare(&set->at[middle].from, a) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 && addr_in_range(a, &set->at[low - 1]);
}

void
addr_set_free(struct addr_set *set)
{
	free(set->at);
	*set = (struct addr_set){ .at = NULL };
}
