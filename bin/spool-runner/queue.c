/*
 * queue: what schedule remembers of every message.
 *
 * Entries lie in one array and are found by a hash of the id with chains.  The
 * WAITING ones stand in one of two binary heaps: that of the later ones by
 * (due, id), or, once their time has come, that of the due ones by (priority,
 * due, id), which keeps the order of acceptance among equals.  The PARKED ones
 * stand in a list for each destination.
 */
#include "base/base.h"
#include "queue.h"

#include "base/die.h"
#include "base/mem.h"

struct heap {
	uint32_t *at;
	uint32_t n;
	bool ready;		/* of the due ones: by priority */
};

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
	struct heap later, ready;
	struct list parked[QUEUE_DESTS];
};

struct queue *
queue_new(void)
{
	struct queue *q = mem_new(sizeof(*q));

	q->free_first = QUEUE_NONE;
	q->ready.ready = true;
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
	free((*q)->later.at);
	free((*q)->ready.at);
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
	q->ready.at = mem_resize_array(q->ready.at, size, sizeof(*q->ready.at));
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
before(const struct queue *q, const struct heap *h, uint32_t a, uint32_t b)
{
	const struct queue_entry *x = &q->at[a], *y = &q->at[b];

	if (h->ready && x->priority != y->priority)
		return x->priority > y->priority;
	return x->due != y->due ? x->due < y->due : x->id < y->id;
}

static void
put_heap(struct queue *q, struct heap *h, uint32_t pos, uint32_t i)
{
	h->at[pos] = i;
	q->at[i].heap = pos;
}

static void
sift_up(struct queue *q, struct heap *h, uint32_t pos, uint32_t i)
{
	while (pos > 0 && before(q, h, i, h->at[(pos - 1) / 2])) {
		put_heap(q, h, pos, h->at[(pos - 1) / 2]);
		pos = (pos - 1) / 2;
	}
	put_heap(q, h, pos, i);
}

static void
sift_down(struct queue *q, struct heap *h, uint32_t pos, uint32_t i)
{
	for (;;) {
		uint32_t child = 2 * pos + 1;

		if (child >= h->n)
			break;
		if (child + 1 < h->n && before(q, h, h->at[child + 1], h->at[child]))
			child++;
		if (!before(q, h, h->at[child], i))
			break;
		put_heap(q, h, pos, h->at[child]);
		pos = child;
	}
	put_heap(q, h, pos, i);
}

static void
heap_add(struct queue *q, struct heap *h, uint32_t i)
{
	if (h->ready)
		q->at[i].flags |= QUEUE_READY;
	else
		q->at[i].flags &= (uint8_t)~QUEUE_READY;
	sift_up(q, h, h->n++, i);
}

static void
heap_remove(struct queue *q, uint32_t i)
{
	struct heap *h = q->at[i].flags & QUEUE_READY ? &q->ready : &q->later;
	uint32_t pos = q->at[i].heap, last = h->at[--h->n];

	if (last == i)
		return;
	if (pos > 0 && before(q, h, last, h->at[(pos - 1) / 2]))
		sift_up(q, h, pos, last);
	else
		sift_down(q, h, pos, last);
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
	heap_add(q, &q->later, i);
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
queue_first_due(struct queue *q, int64_t now)
{
	while (q->later.n > 0 && (int64_t)q->at[q->later.at[0]].due <= now) {
		uint32_t i = q->later.at[0];

		heap_remove(q, i);
		heap_add(q, &q->ready, i);
	}
	return q->ready.n == 0 ? QUEUE_NONE : q->ready.at[0];
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

	if (e->state != QUEUE_WAITING) {
		e->priority = (uint8_t)priority;
		return;
	}
	heap_remove(q, i);
	e->priority = (uint8_t)priority;
	heap_add(q, &q->later, i);
}

uint32_t
queue_first_parked(const struct queue *q, uint16_t dest)
{
	return q->parked[dest % QUEUE_DESTS].first;
}
