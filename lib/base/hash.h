/*
 * hash: a number for a name, under a seed.
 *
 * For tables in memory whose names come from outside: under a seed from random_u64()
 * nobody chooses who shares a slot.  It is no defence against somebody who sees the
 * numbers themselves, so they leave no process and go to no file.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include "base/base.h"
#include "base/span.h"

/* All 64 bits are as good as any, so `% slots` may take the lowest. */
uint64_t hash_keyed(uint64_t seed, struct span s);

#endif
