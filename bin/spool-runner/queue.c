/*
 * queue: what schedule remembers of every message.
 *
 * Entries lie in one array and are found by a hash of the id with chains.  The
 * WAITING ones stand in a binary heap by (due, id); the READY ones are the
 * matter of queue_ready.c.
 */
#include "base/base.h"
#include "queue.h"

#include "base/die.h"
#include "base/mem.h"
#include "queue_ready.h"

struct heap {
	uint32_t *at;
	uint32_t n;
};

struct queue {
	struct queue_entry *at;
	uint32_t size;		/* of at; entries beyond `used` were never used */
	uint32_t used;
	uint32_t free_first;
	size_t count;
	uint32_t *bucket;
	uint32_t buckets;	/* power of two */
	struct heap later;
	struct ready ready;
	uint32_t aged;		/* where queue_age goes on */
};

struct queue *
queue_new(void)
{
	struct queue *q = mem_new(sizeof(*q));

	q->free_first = QUEUE_NONE;
	ready_init(&q->ready, &q->at);
	return q;
}

void
queue_free(struct queue **q)
{
	if (*q == NULL)
		return;
	free((*q)->at);
	free((*q)->bucket);
	free((*q)->later.at);
	ready_free(&(*q)->ready);
	free(*q);
	*q = NULL;
}

size_t
queue_count(const struct queue *q)
{
	return q->count;
}

uint32_t
queue_size(const struct queue *q)
{
	return q->used;
}

struct queue_entry *
queue_at(struct queue *q, uint32_t i)
{
	if (i >= q->used)
		bug("queue: no entry %u", i);
	return &q->at[i];
}

/* Ids count up by one, so their low bits are mixed (a 64-bit finalizer). */
static uint32_t
bucket_of(const struct queue *q, uint64_t id)
{
	id ^= id >> 33;
	id *= 0xff51afd7ed558ccdULL;
	id ^= id >> 33;
	return (uint32_t)id & (q->buckets - 1);
}

static void
grow(struct queue *q)
{
	uint32_t size = q->size == 0 ? 256 : q->size * 2;

	if (size < q->size)
		bug("queue: too many messages");
	q->at = mem_resize_array(q->at, size, sizeof(*q->at));
	q->later.at = mem_resize_array(q->later.at, size, sizeof(*q->later.at));
	q->bucket = mem_resize_array(q->bucket, size, sizeof(*q->bucket));
	q->size = q->buckets = size;
	for (uint32_t i = 0; i < size; i++)
		q->bucket[i] = QUEUE_NONE;
	for (uint32_t i = 0; i < q->used; i++) {
		uint32_t b = bucket_of(q, q->at[i].id);

		q->at[i].chain = q->bucket[b];
		q->bucket[b] = i;
	}
}

/* -- heap ------------------------------------------------------------------- */

static bool
before(const struct queue *q, uint32_t a, uint32_t b)
{
	const struct queue_entry *x = &q->at[a], *y = &q->at[b];

	return x->due != y->due ? x->due < y->due : x->id < y->id;
}

static void
put_heap(struct queue *q, uint32_t pos, uint32_t i)
{
	q->later.at[pos] = i;
	q->at[i].heap = pos;
}

static void
sift(struct queue *q, uint32_t pos, uint32_t i)
{
	const struct heap *h = &q->later;

	while (pos > 0 && before(q, i, h->at[(pos - 1) / 2])) {
		put_heap(q, pos, h->at[(pos - 1) / 2]);
		pos = (pos - 1) / 2;
	}
	for (;;) {
		uint32_t child = 2 * pos + 1;

		if (child + 1 < h->n && before(q, h->at[child + 1], h->at[child]))
			child++;
		if (child >= h->n || !before(q, h->at[child], i))
			break;
		put_heap(q, pos, h->at[child]);
		pos = child;
	}
	put_heap(q, pos, i);
}

static void
heap_remove(struct queue *q, uint32_t i)
{
	uint32_t pos = q->at[i].heap, last = q->later.at[--q->later.n];

	if (last != i)
		sift(q, pos, last);
}

static void
leave_state(struct queue *q, uint32_t i)
{
	if (queue_at(q, i)->state == QUEUE_WAITING)
		heap_remove(q, i);
	else if (q->at[i].state == QUEUE_READY)
		ready_remove(&q->ready, i);
	q->at[i].state = QUEUE_ACTIVE;
}

static void
make_ready(struct queue *q, uint32_t i, bool keep_turn)
{
	leave_state(q, i);
	q->at[i].state = QUEUE_READY;
	ready_add(&q->ready, i, keep_turn);
}

static void
raise(struct queue *q, uint32_t i, uint32_t level)
{
	ready_remove(&q->ready, i);
	ready_add_at(&q->ready, i, level);
}

/* -- public ----------------------------------------------------------------- */

uint32_t
queue_find(const struct queue *q, uint64_t id)
{
	uint32_t i;

	if (q->buckets == 0)
		return QUEUE_NONE;
	for (i = q->bucket[bucket_of(q, id)]; i != QUEUE_NONE; i = q->at[i].chain)
		if (q->at[i].id == id)
			break;
	return i;
}

uint32_t
queue_add(struct queue *q, struct spool_ref ref, int64_t due)
{
	uint32_t i = q->free_first, b;

	if (i != QUEUE_NONE) {
		q->free_first = q->at[i].right;
	} else {
		if (q->used == q->size)
			grow(q);
		i = q->used++;
	}
	q->at[i] = (struct queue_entry){ .id = ref.id, .sub = ref.sub, .state = QUEUE_ACTIVE, .priority = 5 };
	b = bucket_of(q, ref.id);
	q->at[i].chain = q->bucket[b];
	q->bucket[b] = i;
	q->count++;
	queue_wait(q, i, due);
	return i;
}

void
queue_remove(struct queue *q, uint32_t i)
{
	uint32_t *link;

	leave_state(q, i);
	link = &q->bucket[bucket_of(q, q->at[i].id)];
	while (*link != i)
		link = &q->at[*link].chain;
	*link = q->at[i].chain;
	q->at[i].state = QUEUE_FREE;
	q->at[i].right = q->free_first;
	q->free_first = i;
	q->count--;
}

void
queue_activate(struct queue *q, uint32_t i)
{
	leave_state(q, i);
}

void
queue_wait(struct queue *q, uint32_t i, int64_t due)
{
	leave_state(q, i);
	q->at[i].due = due < 0 ? 0 : due > UINT32_MAX ? UINT32_MAX : (uint32_t)due;
	q->at[i].state = QUEUE_WAITING;
	q->at[i].level = 0;
	sift(q, q->later.n++, i);
}

void
queue_again(struct queue *q, uint32_t i, uint32_t dest)
{
	struct queue_entry *e = queue_at(q, i);
	uint8_t level = e->level;

	leave_state(q, i);
	e->dest = dest;
	make_ready(q, i, true);
	if (level > e->level)
		raise(q, i, level);
}

uint32_t
queue_first(struct queue *q, int64_t now, unsigned mask)
{
	while (q->later.n > 0 && (int64_t)q->at[q->later.at[0]].due <= now)
		make_ready(q, q->later.at[0], false);
	return ready_first(&q->ready, mask);
}

void
queue_goes(struct queue *q, uint32_t i)
{
	ready_passes(&q->ready, i);
}

bool
queue_next_time(const struct queue *q, int64_t *out)
{
	if (q->later.n == 0)
		return false;
	*out = q->at[q->later.at[0]].due;
	return true;
}

void
queue_set_priority(struct queue *q, uint32_t i, uint32_t priority)
{
	struct queue_entry *e = queue_at(q, i);

	if (e->priority == priority)
		return;
	e->priority = (uint8_t)priority;
	e->level = 0;
	if (e->state == QUEUE_READY)
		make_ready(q, i, true);
}

void
queue_set_sender(struct queue *q, uint32_t i, uint32_t hash, bool tried)
{
	struct queue_entry *e = queue_at(q, i);

	e->sender = (hash & ~1u) | tried;
	if (e->state == QUEUE_READY)
		make_ready(q, i, false);
}

void
queue_set_dest(struct queue *q, uint32_t i, uint32_t dest)
{
	struct queue_entry *e = queue_at(q, i);

	if (e->state == QUEUE_READY)
		queue_again(q, i, dest);
	e->dest = dest;
}

void
queue_open(struct queue *q, uint32_t dest, enum queue_lane lane)
{
	ready_open(&q->ready, dest, lane);
}

static void
age(struct queue *q, uint32_t i, int64_t now)
{
	const struct queue_entry *e = &q->at[i];
	int64_t level = e->priority + (now - (int64_t)e->due) / QUEUE_AGE_S;

	if (e->state == QUEUE_READY && e->due > 0 && e->level < 10 && level > e->level)
		raise(q, i, level > 10 ? 10 : (uint32_t)level);
}

void
queue_age(struct queue *q, int64_t now, uint32_t n)
{
	for (; n > 0 && q->used > 0; n--) {
		q->aged = q->aged + 1 < q->used ? q->aged + 1 : 0;
		age(q, q->aged, now);
	}
}
