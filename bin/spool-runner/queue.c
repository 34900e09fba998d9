/*
 * queue: what schedule remembers of every message.
 *
 * Entries lie in one array and are found by a hash of the id with chains; the
 * WAITING ones stand in a binary heap by (due, id), which keeps the order of
 * acceptance among those that are due; the PARKED ones in a list for each
 * destination.
 */
#include "base/base.h"
#include "queue.h"

#include "base/die.h"
#include "base/mem.h"

struct list {
	uint32_t first, last;
};

struct queue {
	struct queue_entry *at;
	uint32_t size;		/* of at; entries beyond `used` were never used */
	uint32_t used;
	uint32_t free_first;
	size_t count;
	uint32_t *bucket;
	uint32_t buckets;	/* power of two */
	uint32_t *heap;
	uint32_t waiting;
	struct list parked[QUEUE_DESTS];
};

struct queue *
queue_new(void)
{
	struct queue *q = mem_new(sizeof(*q));

	q->free_first = QUEUE_NONE;
	for (size_t i = 0; i < QUEUE_DESTS; i++)
		q->parked[i] = (struct list){ QUEUE_NONE, QUEUE_NONE };
	return q;
}

void
queue_free(struct queue **q)
{
	if (*q == NULL)
		return;
	free((*q)->at);
	free((*q)->bucket);
	free((*q)->heap);
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
	q->heap = mem_resize_array(q->heap, size, sizeof(*q->heap));
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
	q->heap[pos] = i;
	q->at[i].heap = pos;
}

static void
sift_up(struct queue *q, uint32_t pos, uint32_t i)
{
	while (pos > 0 && before(q, i, q->heap[(pos - 1) / 2])) {
		put_heap(q, pos, q->heap[(pos - 1) / 2]);
		pos = (pos - 1) / 2;
	}
	put_heap(q, pos, i);
}

static void
sift_down(struct queue *q, uint32_t pos, uint32_t i)
{
	for (;;) {
		uint32_t child = 2 * pos + 1;

		if (child >= q->waiting)
			break;
		if (child + 1 < q->waiting && before(q, q->heap[child + 1], q->heap[child]))
			child++;
		if (!before(q, q->heap[child], i))
			break;
		put_heap(q, pos, q->heap[child]);
		pos = child;
	}
	put_heap(q, pos, i);
}

static void
heap_remove(struct queue *q, uint32_t i)
{
	uint32_t pos = q->at[i].heap, last = q->heap[--q->waiting];

	if (last == i)
		return;
	if (pos > 0 && before(q, last, q->heap[(pos - 1) / 2]))
		sift_up(q, pos, last);
	else
		sift_down(q, pos, last);
}

/* -- parked ----------------------------------------------------------------- */

static void
unpark(struct queue *q, uint32_t i)
{
	struct queue_entry *e = &q->at[i];
	struct list *l = &q->parked[e->dest];

	if (e->prev == QUEUE_NONE)
		l->first = e->next;
	else
		q->at[e->prev].next = e->next;
	if (e->next == QUEUE_NONE)
		l->last = e->prev;
	else
		q->at[e->next].prev = e->prev;
}

static void
leave_state(struct queue *q, uint32_t i)
{
	if (queue_at(q, i)->state == QUEUE_WAITING)
		heap_remove(q, i);
	else if (q->at[i].state == QUEUE_PARKED)
		unpark(q, i);
	q->at[i].state = QUEUE_ACTIVE;
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
		q->free_first = q->at[i].next;
	} else {
		if (q->used == q->size)
			grow(q);
		i = q->used++;
	}
	q->at[i] = (struct queue_entry){ .id = ref.id, .sub = ref.sub, .state = QUEUE_ACTIVE };
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
	q->at[i].next = q->free_first;
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
	sift_up(q, q->waiting++, i);
}

void
queue_park(struct queue *q, uint32_t i, uint16_t dest)
{
	struct list *l = &q->parked[dest % QUEUE_DESTS];
	struct queue_entry *e;

	leave_state(q, i);
	e = &q->at[i];
	e->state = QUEUE_PARKED;
	e->dest = dest % QUEUE_DESTS;
	e->next = QUEUE_NONE;
	e->prev = l->last;
	if (l->last == QUEUE_NONE)
		l->first = i;
	else
		q->at[l->last].next = i;
	l->last = i;
}

uint32_t
queue_first(const struct queue *q)
{
	return q->waiting == 0 ? QUEUE_NONE : q->heap[0];
}

uint32_t
queue_first_parked(const struct queue *q, uint16_t dest)
{
	return q->parked[dest % QUEUE_DESTS].first;
}
