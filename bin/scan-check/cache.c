/*
 * cache: see cache.h.
 *
 * A table of sets of WAYS places.  The key is compared whole, so a collision
 * costs a place and nothing else.
 */
#include "base/base.h"
#include "cache.h"

#include "base/limits.h"
#include "base/mem.h"

#define WAYS 4
#define SETS (CACHE_ENTRIES / WAYS)

struct entry {
	char *text;		/* key, then value; NULL: free */
	size_t key_n, value_n;
	uint64_t until_ms;
};

struct cache {
	uint64_t seed;
	struct entry entry[SETS][WAYS];
};

struct cache *
cache_new(uint64_t seed)
{
	struct cache *c = mem_new(sizeof(*c));

	c->seed = seed;
	return c;
}

void
cache_free(struct cache **c)
{
	if (*c == NULL)
		return;
	for (size_t i = 0; i < SETS; i++)
		for (size_t w = 0; w < WAYS; w++)
			free((*c)->entry[i][w].text);
	free(*c);
	*c = NULL;
}

/* Multiply and fold, begun with the seed: who does not know it cannot choose a set. */
static size_t
set_of(const struct cache *c, struct span key)
{
	uint64_t h = c->seed;

	for (size_t i = 0; i < key.n; i++) {
		h = (h ^ (unsigned char)key.p[i]) * 0x9e3779b97f4a7c15u;
		h ^= h >> 29;
	}
	return (size_t)((h ^ c->seed >> 32) % SETS);
}

static struct entry *
find(const struct cache *c, struct span key)
{
	const struct entry *set = c->entry[set_of(c, key)];

	for (size_t w = 0; w < WAYS; w++)
		if (set[w].text != NULL && span_eq(span_make(set[w].text, set[w].key_n), key))
			return (struct entry *)&set[w];
	return NULL;
}

struct span
cache_get(const struct cache *c, struct span key, uint64_t now_ms)
{
	const struct entry *e = find(c, key);

	if (e == NULL || e->until_ms <= now_ms)
		return SPAN_NONE;
	return span_make(e->text + e->key_n, e->value_n);
}

/* The place for a new key: a free one, else the one that ends first. */
static struct entry *
place_for(struct cache *c, struct span key)
{
	struct entry *set = c->entry[set_of(c, key)], *best = &set[0];

	for (size_t w = 0; w < WAYS && best->text != NULL; w++)
		if (set[w].text == NULL || set[w].until_ms < best->until_ms)
			best = &set[w];
	return best;
}

void
cache_put(struct cache *c, struct span key, struct span value, uint64_t now_ms, uint64_t until_ms)
{
	struct entry *e = find(c, key);

	if (until_ms <= now_ms || key.n > LIMIT_SCAN_CACHED || value.n > LIMIT_SCAN_CACHED)
		return;
	if (e == NULL)
		e = place_for(c, key);
	free(e->text);
	*e = (struct entry){ .text = mem_new(key.n + value.n), .key_n = key.n, .value_n = value.n, .until_ms = until_ms };
	memcpy(e->text, key.p, key.n);
	if (value.n > 0)
		memcpy(e->text + key.n, value.p, value.n);
}
