/*
 * table: counters in a hash table of fixed size.
 *
 * An entry is known by a 64-bit hash under a secret seed; two keys that share
 * one are so improbable that nothing is done about it.
 *
 * Its frame is cut into slices, the newest of which is the present one.  With
 * SLICES of them, each as long as a (SLICES - 1)th of the frame or a little
 * longer, all that happened within the frame lies in one of them.
 */
#include "base/base.h"
#include "table.h"

#include "base/mem.h"
#include "check/abuse_map.h"
#include "sys/random.h"

#define PROBE 8
#define SLICES 16

struct entry {
	uint64_t id;		/* 0: free */
	int64_t slice;		/* number of the newest slice since the clock began */
	uint32_t slice_s;	/* length of a slice; 0: nothing was counted yet */
	uint32_t open;		/* sessions: the entry stays while this is not 0 */
	uint32_t events[SLICES];	/* of slice N at N % SLICES */
};
_Static_assert(sizeof(struct entry) == TABLE_ENTRY_BYTES, "the header says how large an entry is");

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

void
table_text_key(const struct table *t, struct span text, uint8_t key[16])
{
	uint64_t half[2] = { text.n, ~(uint64_t)text.n };

	while (text.n > 0) {
		struct span piece = span_first(text, 16);
		uint8_t block[16] = { 0 };

		memcpy(block, piece.p, piece.n);
		half[0] = abuse_hash(t->seed, block, half[0]);
		half[1] = abuse_hash(t->seed, block, half[1]);
		text = span_from(text, piece.n);
	}
	memcpy(key, half, 16);
}

static uint32_t
add_up(uint32_t a, uint32_t b)
{
	return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

/* Forget what lies behind the frame at now_s. */
static void
slide(struct entry *e, int64_t now_s)
{
	int64_t slice = now_s / (int64_t)e->slice_s;

	if (slice <= e->slice)
		return;
	if (slice - e->slice >= SLICES)
		memset(e->events, 0, sizeof(e->events));
	else
		for (int64_t s = e->slice + 1; s <= slice; s++)
			e->events[(uint64_t)s % SLICES] = 0;
	e->slice = slice;
}

static uint32_t
sum(const struct entry *e)
{
	uint32_t total = 0;

	for (size_t i = 0; i < SLICES; i++)
		total = add_up(total, e->events[i]);
	return total;
}

/* Does a give way rather than b?  Both have slid to now. */
static bool
matters_less(const struct entry *a, const struct entry *b)
{
	uint32_t of_a = sum(a), of_b = sum(b);

	if (of_a != of_b)
		return of_a < of_b;
	return a->slice * (int64_t)a->slice_s < b->slice * (int64_t)b->slice_s;
}

/* The entry of id; with `make` a new one in the place that matters least, NULL when all are pinned. */
static struct entry *
find(struct table *t, uint64_t id, bool make, int64_t now_s)
{
	struct entry *least = NULL;

	for (size_t i = 0; i < PROBE; i++) {
		struct entry *e = &t->entries[(id + i) & t->mask];

		if (e->id == id)
			return e;
		if (!make || e->open > 0)
			continue;
		if (e->slice_s > 0)
			slide(e, now_s);
		if (least == NULL || matters_less(e, least))
			least = e;
	}
	if (least != NULL)
		*least = (struct entry){ .id = id };
	return least;
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
	struct entry *e = find(t, id_of(t, key, purpose), add > 0, now_s);
	uint32_t slice_s = (frame_s + SLICES - 2) / (SLICES - 1);
	uint32_t *present;

	if (e == NULL)
		return 0;
	if (e->slice_s != slice_s) {
		memset(e->events, 0, sizeof(e->events));
		e->slice_s = slice_s;
		e->slice = now_s / (int64_t)slice_s;
	}
	slide(e, now_s);
	present = &e->events[(uint64_t)e->slice % SLICES];
	*present = add_up(*present, add);
	return sum(e);
}

void
table_reset(struct table *t, const uint8_t key[16], uint64_t purpose)
{
	struct entry *e = find(t, id_of(t, key, purpose), false, 0);

	if (e != NULL)
		*e = (struct entry){ .id = 0 };
}

uint32_t
table_open(struct table *t, const uint8_t key[16], uint64_t purpose, int64_t now_s)
{
	struct entry *e = find(t, id_of(t, key, purpose), true, now_s);

	return e != NULL ? ++e->open : 0;
}

void
table_close(struct table *t, const uint8_t key[16], uint64_t purpose)
{
	struct entry *e = find(t, id_of(t, key, purpose), false, 0);

	if (e != NULL && e->open > 0 && --e->open == 0)
		*e = (struct entry){ .id = 0 };
}
