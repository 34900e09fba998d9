/*
 * table: counters in a hash table of fixed size.
 *
 * An entry is known by a 64-bit hash under a secret seed; two addresses that
 * share one are so improbable that nothing is done about it.
 */
#include "base/base.h"
#include "table.h"

#include "base/mem.h"
#include "check/abuse_map.h"
#include "sys/random.h"

#define PROBE 8

struct entry {
	uint64_t id;		/* 0: free */
	int64_t bucket;		/* number of the present bucket; of open sessions unused */
	uint32_t now, before;	/* events in this bucket and in the one before it */
	uint32_t frame_s;	/* length of a bucket */
	uint32_t open;		/* sessions: the entry stays while this is not 0 */
};

struct table {
	uint64_t seed[2];
	size_t mask;
	struct entry *entries;
};

struct table *
table_new(unsigned bits)
{
	struct table *t = mem_new(sizeof(*t));

	random_fill(t->seed, sizeof(t->seed));
	t->mask = ((size_t)1 << bits) - 1;
	t->entries = mem_array(t->mask + 1, sizeof(*t->entries));
	return t;
}

void
table_free(struct table **t)
{
	if (*t == NULL)
		return;
	free((*t)->entries);
	free(*t);
	*t = NULL;
}

static struct entry *
place(struct table *t, uint64_t id, size_t probe)
{
	return &t->entries[(id + probe) & t->mask];
}

static int64_t
last_used_s(const struct entry *e)
{
	return e->id == 0 ? -1 : e->bucket * (int64_t)e->frame_s;
}

/* The entry of id; with make a new one in the place that matters least, NULL when all are pinned. */
static struct entry *
find(struct table *t, uint64_t id, bool make)
{
	struct entry *oldest = NULL;

	for (size_t i = 0; i < PROBE; i++) {
		struct entry *e = place(t, id, i);

		if (e->id == id)
			return e;
		if (e->open == 0 && (oldest == NULL || last_used_s(e) < last_used_s(oldest)))
			oldest = e;
	}
	if (!make || oldest == NULL)
		return NULL;
	*oldest = (struct entry){ .id = id };
	return oldest;
}

static uint64_t
id_of(const struct table *t, const uint8_t key[16], uint64_t purpose)
{
	uint64_t id = abuse_hash(t->seed, key, purpose);

	return id != 0 ? id : 1;
}

uint32_t
table_count(struct table *t, const uint8_t key[16], uint64_t purpose, uint32_t add, int64_t now_s, uint32_t frame_s)
{
	struct entry *e = find(t, id_of(t, key, purpose), true);
	int64_t bucket = now_s / frame_s;
	uint64_t rest;

	if (e == NULL)
		return 0;
	if (e->frame_s != frame_s || e->bucket != bucket) {
		e->before = e->frame_s == frame_s && e->bucket == bucket - 1 ? e->now : 0;
		e->now = 0;
		e->bucket = bucket;
		e->frame_s = frame_s;
	}
	if (__builtin_add_overflow(e->now, add, &e->now))
		e->now = UINT32_MAX;
	/* Of the bucket before, only the part that the frame still covers. */
	rest = (uint64_t)e->before * (uint64_t)(frame_s - now_s % frame_s) / frame_s;
	return rest + e->now > UINT32_MAX ? UINT32_MAX : (uint32_t)rest + e->now;
}

void
table_reset(struct table *t, const uint8_t key[16], uint64_t purpose)
{
	struct entry *e = find(t, id_of(t, key, purpose), false);

	if (e != NULL)
		*e = (struct entry){ .id = 0 };
}

uint32_t
table_open(struct table *t, const uint8_t key[16], uint64_t purpose)
{
	struct entry *e = find(t, id_of(t, key, purpose), true);

	return e != NULL ? ++e->open : 0;
}

void
table_close(struct table *t, const uint8_t key[16], uint64_t purpose)
{
	struct entry *e = find(t, id_of(t, key, purpose), false);

	if (e != NULL && e->open > 0 && --e->open == 0)
		*e = (struct entry){ .id = 0 };
}
