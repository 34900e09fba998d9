/*
 * cache: answers that were given, until their time is over.  Pure: the time is
 * passed in.
 *
 * It holds at most CACHE_ENTRIES; a full set of places gives up the entry that
 * ends first.  Keys are placed by a hash that outsiders cannot guess.
 */
#ifndef SCAN_CHECK_CACHE_H
#define SCAN_CHECK_CACHE_H

#include "base/base.h"
#include "base/span.h"

#define CACHE_ENTRIES 16384

struct cache;

struct cache *cache_new(uint64_t seed);
void cache_free(struct cache **c);

/* The value until the next call of cache_put; SPAN_NONE when there is none, or its time is over. */
struct span cache_get(const struct cache *c, struct span key, uint64_t now_ms);

/* Texts are copied; an entry of that key is replaced.  A key or value over LIMIT_SCAN_CACHED is not kept. */
void cache_put(struct cache *c, struct span key, struct span value, uint64_t now_ms, uint64_t until_ms);

#endif
