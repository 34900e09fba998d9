/*
 * addr_set: many networks and ranges of addresses, asked for one address at the
 * cost of a binary search, however long the administrator's list is.
 */
#ifndef NET_ADDR_SET_H
#define NET_ADDR_SET_H

#include "base/base.h"
#include "net/addr.h"

/* Zeroed is empty.  After addr_set_seal: sorted, and no two of them touch. */
struct addr_set {
	struct addr_range *at;
	size_t count, room;
};

/* Any number of times, then addr_set_seal once; only then addr_set_has. */
void addr_set_add(struct addr_set *set, const struct addr_range *range);
void addr_set_seal(struct addr_set *set);
bool addr_set_has(const struct addr_set *set, const struct addr *a);
void addr_set_free(struct addr_set *set);

#endif
