/*
 * greylist-fill: a database of greylist-check with as many records as one likes,
 * for what measures the cost of a look-up.
 *
 * Most are written in the order of their keys, a thousand a transaction, since
 * only their number matters; contacts that greylist_deliver makes lie anywhere
 * between them.
 */
#ifndef GREYLIST_FILL_H
#define GREYLIST_FILL_H

#include "base/base.h"
#include "../../bin/greylist-check/records.h"

#define GREYLIST_START 1000000000	/* wall seconds of the first contact */

/* count records that nobody asks for; 0, or -1. */
int greylist_fill(struct state *db, uint64_t count);

/* What greylist-check does for a recipient of the n-th sender; the name of the judgement, NULL when it failed. */
const char *greylist_deliver(struct records *records, uint64_t n);

#endif
