/*
 * destination: the places where mail goes.
 *
 * A domain is known by a 64-bit hash under a secret seed: two that shared one
 * would share a window, nothing else.
 */
#include "base/base.h"
#include "destination.h"

#include "base/die.h"
#include "base/mem.h"
#include "base/num.h"
#include "sys/random.h"

#define NONE UINT32_MAX
#define BUSY_FIRST_S 5
#define BUSY_LONGEST_S 60
#define DEAD_FIRST_S 10
#define DEAD_LONGEST_S 300
#define DEAD_ALONE 1		/* failures that are no more than one message's own */

enum answer { ANSWER_GOOD, ANSWER_REFUSED, ANSWER_BUSY, ANSWER_SLOW, ANSWER_DEAD };

struct destination {
	uint64_t hash;
	uint32_t uses;
	uint32_t chain;		/* next with the same bucket; next free */
	uint32_t rests_until;	/* seconds since 1970 */
	uint16_t jobs;
	uint16_t window;	/* in 1/16 */
	uint8_t fails;		/* busy, or dead, in a row */
	uint8_t answer;		/* the last, enum answer */
	char *words;		/* of the last answer, while it is dead */
};

struct destinations {
	struct destination *at;
	uint32_t size, used, free_first;
	uint32_t *bucket;
	uint32_t buckets;	/* power of two */
	uint32_t max;
	uint64_t seed;
};

struct destinations *
destinations_new(uint32_t max, uint32_t local_max)
{
	struct destinations *d = mem_new(sizeof(*d));

	d->max = max;
	d->size = d->buckets = 64;
	d->at = mem_array(d->size, sizeof(*d->at));
	d->bucket = mem_array(d->buckets, sizeof(*d->bucket));
	memset(d->bucket, 0xff, d->buckets * sizeof(*d->bucket));
	d->used = DEST_FIRST;
	d->free_first = NONE;
	d->at[DEST_LOCAL].window = (uint16_t)(local_max * 16);
	d->at[DEST_ANY].window = UINT16_MAX;
	random_fill(&d->seed, sizeof(d->seed));
	return d;
}

void
destinations_free(struct destinations **d)
{
	if (*d == NULL)
		return;
	for (uint32_t i = 0; i < (*d)->used; i++)
		free((*d)->at[i].words);
	free((*d)->at);
	free((*d)->bucket);
	free(*d);
	*d = NULL;
}

/* -- the table ---------------------------------------------------------------------- */

/* FNV-1a over the seed and the name in small letters, then a finalizer. */
uint64_t
destination_hash(const struct destinations *d, struct span domain)
{
	uint64_t h = 14695981039346656037u ^ d->seed;

	for (size_t i = 0; i < domain.n; i++)
		h = (h ^ (unsigned char)char_lower(domain.p[i])) * 1099511628211u;
	h ^= h >> 33;
	h *= 0xff51afd7ed558ccdu;
	return h ^ h >> 29;
}

static uint32_t
find(const struct destinations *d, uint64_t hash)
{
	uint32_t i = d->bucket[hash & (d->buckets - 1)];

	while (i != NONE && d->at[i].hash != hash)
		i = d->at[i].chain;
	return i;
}

static void
link_in(struct destinations *d, uint32_t i)
{
	uint32_t *b = &d->bucket[d->at[i].hash & (d->buckets - 1)];

	d->at[i].chain = *b;
	*b = i;
}

/* Only while no place is free, so that all in the table are in use. */
static void
grow(struct destinations *d)
{
	d->size = d->buckets = d->size * 2;
	d->at = mem_resize_array(d->at, d->size, sizeof(*d->at));
	d->bucket = mem_resize_array(d->bucket, d->buckets, sizeof(*d->bucket));
	memset(d->bucket, 0xff, d->buckets * sizeof(*d->bucket));
	for (uint32_t i = DEST_FIRST; i < d->used; i++)
		link_in(d, i);
}

static uint32_t
add(struct destinations *d, uint64_t hash)
{
	uint32_t i = d->free_first, first = d->max < DESTINATION_FIRST ? d->max : DESTINATION_FIRST;

	if (i != NONE) {
		d->free_first = d->at[i].chain;
	} else {
		if (d->used == d->size)
			grow(d);
		i = d->used++;
	}
	d->at[i] = (struct destination){ .hash = hash, .window = (uint16_t)(16 * first) };
	link_in(d, i);
	return i;
}

static struct destination *
at(const struct destinations *d, uint32_t i)
{
	if (i >= d->used || (i >= DEST_FIRST && d->at[i].uses == 0))
		bug("destination %u is not in use", i);
	return &d->at[i];
}

uint32_t
destination_find(const struct destinations *d, struct span domain)
{
	return find(d, destination_hash(d, domain));
}

uint32_t
destination_get(struct destinations *d, struct span domain)
{
	uint64_t hash = destination_hash(d, domain);
	uint32_t i = find(d, hash);

	if (i == NONE)
		i = add(d, hash);
	d->at[i].uses++;
	return i;
}

void
destination_keep(struct destinations *d, uint32_t i)
{
	if (i >= DEST_FIRST)
		at(d, i)->uses++;
}

bool
destination_put(struct destinations *d, uint32_t i)
{
	uint32_t *link;

	if (i < DEST_FIRST || --at(d, i)->uses > 0)
		return false;
	for (link = &d->bucket[d->at[i].hash & (d->buckets - 1)]; *link != i; link = &d->at[*link].chain)
		;
	*link = d->at[i].chain;
	free(d->at[i].words);
	d->at[i] = (struct destination){ .chain = d->free_first };
	d->free_first = i;
	return true;
}

/* -- deliveries ------------------------------------------------------------------------ */

void
destination_begins(struct destinations *d, uint32_t i)
{
	at(d, i)->jobs++;
}

void
destination_ends(struct destinations *d, uint32_t i)
{
	if (at(d, i)->jobs-- == 0)
		bug("destination: more deliveries ended than began");
}

uint32_t
destination_jobs(const struct destinations *d, uint32_t i)
{
	return at(d, i)->jobs;
}

uint32_t
destination_window(const struct destinations *d, uint32_t i)
{
	return at(d, i)->window / 16;
}

bool
destination_is_troubled(const struct destinations *d, uint32_t i)
{
	return at(d, i)->answer >= ANSWER_BUSY;
}

int64_t
destination_rests_until(const struct destinations *d, uint32_t i)
{
	return at(d, i)->rests_until;
}

/* A dead one is open while it rests: who comes shares its answer, which costs no delivery. */
bool
destination_is_open(const struct destinations *d, uint32_t i, int64_t now)
{
	const struct destination *e = at(d, i);

	if (now < (int64_t)e->rests_until)
		return e->answer == ANSWER_DEAD;
	return e->jobs < e->window / 16;
}

bool
destination_is_dead(const struct destinations *d, uint32_t i, int64_t now, const char **out)
{
	const struct destination *e = at(d, i);

	*out = e->words;
	return e->answer == ANSWER_DEAD && e->words != NULL && now < (int64_t)e->rests_until;
}

/* -- answers ------------------------------------------------------------------------------ */

static enum answer
answer_of(const struct verdict *v)
{
	if (v->kind == VERDICT_OK)
		return ANSWER_GOOD;
	if (v->kind == VERDICT_PERM)
		return ANSWER_REFUSED;
	if (strcmp(v->status, "4.4.1") == 0)
		return ANSWER_DEAD;
	if (strcmp(v->status, "4.4.2") == 0)
		return ANSWER_SLOW;
	return v->code == 421 || strcmp(v->status, "4.3.2") == 0 ? ANSWER_BUSY : ANSWER_REFUSED;
}

/* first, then twice as long with each failure, up to longest. */
static uint32_t
rest(int64_t now, uint32_t fails, uint32_t first, uint32_t longest)
{
	uint32_t s = first;

	while (fails-- > 1 && s < longest)
		s *= 2;
	return (uint32_t)now + (s < longest ? s : longest);
}

static void
set_words(struct destination *e, const struct verdict *v)
{
	char text[VERDICT_TEXT_MAX + 32];

	free(e->words);
	e->words = NULL;
	if (v == NULL)
		return;
	verdict_print(v, text, sizeof(text));
	e->words = mem_copy(span_of(text));
}

static void
is_well(struct destination *e)
{
	e->fails = 0;
	e->rests_until = 0;
	set_words(e, NULL);
}

void
destination_answered(struct destinations *d, uint32_t i, const struct verdict *v, bool dns, int64_t now)
{
	struct destination *e = at(d, i);
	enum answer was = e->answer, is = answer_of(v);

	if (i < DEST_FIRST || dns)
		return;
	/* Attempts that began before it rested tell nothing new. */
	if (now < (int64_t)e->rests_until && is >= ANSWER_BUSY)
		return;
	e->answer = (uint8_t)is;
	e->fails = is == was && e->fails < UINT8_MAX ? (uint8_t)(e->fails + 1) : 1;
	switch (is) {
	case ANSWER_GOOD:
		is_well(e);
		e->window = (uint16_t)(e->window + 16 * 16 / e->window);
		if (e->window > 16 * d->max)
			e->window = (uint16_t)(16 * d->max);
		break;
	case ANSWER_REFUSED:
		is_well(e);
		break;
	case ANSWER_BUSY:
		e->window = e->window >= 32 ? e->window / 2 : 16;
		e->rests_until = rest(now, e->fails, BUSY_FIRST_S, BUSY_LONGEST_S);
		break;
	case ANSWER_SLOW:
		e->window = 16;
		break;
	case ANSWER_DEAD:
		e->window = 16;
		if (e->fails <= DEAD_ALONE)
			break;
		e->rests_until = rest(now, e->fails - DEAD_ALONE, DEAD_FIRST_S, DEAD_LONGEST_S);
		set_words(e, v);
		break;
	}
}
