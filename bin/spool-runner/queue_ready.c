/*
 * queue_ready: the READY messages of the queue.
 *
 * Invariant: a lane stands in the heap of its kind exactly while it is open and
 * has a message; its key there is its first message.
 */
#include "base/base.h"
#include "queue_ready.h"

#include "base/mem.h"

#define LEVEL_FORCED 10		/* and the priority: above all who are not */

static struct queue_entry *
at(const struct ready *r, uint32_t i)
{
	return &(*r->entries)[i];
}

static bool
before(const struct ready *r, uint32_t a, uint32_t b)
{
	const struct queue_entry *x = at(r, a), *y = at(r, b);

	if (x->level != y->level)
		return x->level > y->level;
	return x->turn != y->turn ? x->turn < y->turn : x->id < y->id;
}

/* -- the messages of one lane ----------------------------------------------------- */

static uint32_t
rank(const struct ready *r, uint32_t i)
{
	return i == QUEUE_NONE ? 0 : at(r, i)->rank;
}

/* The longer side is the left one; true when the rank has changed. */
static bool
balance(const struct ready *r, uint32_t i)
{
	struct queue_entry *e = at(r, i);
	uint8_t was = e->rank;

	if (rank(r, e->left) < rank(r, e->right)) {
		uint32_t right = e->right;

		e->right = e->left;
		e->left = right;
	}
	e->rank = (uint8_t)(rank(r, e->right) + 1);
	return e->rank != was;
}

/* Goes down right sides only, which are as long as the logarithm of the number of messages. */
static uint32_t
merge(const struct ready *r, uint32_t a, uint32_t b)
{
	uint32_t right;

	if (a == QUEUE_NONE)
		return b;
	if (b == QUEUE_NONE)
		return a;
	if (before(r, b, a)) {
		uint32_t other = a;

		a = b;
		b = other;
	}
	right = merge(r, at(r, a)->right, b);
	at(r, a)->right = right;
	at(r, right)->up = a;
	balance(r, a);
	return a;
}

static void
take_out(const struct ready *r, struct lane *l, uint32_t i)
{
	struct queue_entry *e = at(r, i);
	uint32_t below = merge(r, e->left, e->right), up = e->up;

	if (below != QUEUE_NONE)
		at(r, below)->up = up;
	if (up == QUEUE_NONE)
		l->root = below;
	else if (at(r, up)->left == i)
		at(r, up)->left = below;
	else
		at(r, up)->right = below;
	for (; up != QUEUE_NONE && balance(r, up); up = at(r, up)->up)
		;
}

/* -- the open lanes ------------------------------------------------------------------ */

static bool
lane_before(const struct ready *r, uint32_t a, uint32_t b)
{
	return before(r, r->lanes[a].root, r->lanes[b].root);
}

static void
put(struct ready *r, struct lane_heap *h, uint32_t place, uint32_t d)
{
	h->at[place] = d;
	r->lanes[d].place = place;
}

static void
sift(struct ready *r, struct lane_heap *h, uint32_t place, uint32_t d)
{
	while (place > 0 && lane_before(r, d, h->at[(place - 1) / 2])) {
		put(r, h, place, h->at[(place - 1) / 2]);
		place = (place - 1) / 2;
	}
	for (;;) {
		uint32_t child = 2 * place + 1;

		if (child + 1 < h->n && lane_before(r, h->at[child + 1], h->at[child]))
			child++;
		if (child >= h->n || !lane_before(r, h->at[child], d))
			break;
		put(r, h, place, h->at[child]);
		place = child;
	}
	put(r, h, place, d);
}

static void
leave_heap(struct ready *r, uint32_t d)
{
	struct lane *l = &r->lanes[d];
	struct lane_heap *h = &r->heap[l->kind];
	uint32_t place = l->place, last;

	if (place == QUEUE_NONE)
		return;
	l->place = QUEUE_NONE;
	last = h->at[--h->n];
	if (last != d)
		sift(r, h, place, last);
}

/* Its first message is another, or it was opened. */
static void
settle(struct ready *r, uint32_t d)
{
	struct lane *l = &r->lanes[d];
	struct lane_heap *h = &r->heap[l->kind];

	if (l->kind == QUEUE_CLOSED || l->root == QUEUE_NONE) {
		leave_heap(r, d);
		return;
	}
	if (l->place == QUEUE_NONE) {
		if (h->n == h->size) {
			h->size = h->size == 0 ? 64 : 2 * h->size;
			h->at = mem_resize_array(h->at, h->size, sizeof(*h->at));
		}
		l->place = h->n++;
	}
	sift(r, h, l->place, d);
}

static struct lane *
lane_of(struct ready *r, uint32_t d)
{
	if (d >= r->lane_count) {
		uint32_t size = d < 64 ? 64 : d + d / 2;

		r->lanes = mem_resize_array(r->lanes, size, sizeof(*r->lanes));
		for (uint32_t i = r->lane_count; i < size; i++)
			r->lanes[i] = (struct lane){ .root = QUEUE_NONE, .place = QUEUE_NONE, .kind = QUEUE_CLOSED };
		r->lane_count = size;
	}
	return &r->lanes[d];
}

/* -- turns ------------------------------------------------------------------------------ */

static struct sender_turn *
find_sender(struct sender_turn *table, uint32_t size, uint32_t sender)
{
	uint32_t i = sender * 2654435761u & (size - 1);

	while (table[i].used && table[i].sender != sender)
		i = (i + 1) & (size - 1);
	return &table[i];
}

/* A table with room; who has nothing in front of him any more needs no place in it. */
static void
make_room(struct ready *r)
{
	struct sender_turn *old = r->senders;
	uint32_t old_size = r->sender_size, kept = 0;

	for (uint32_t i = 0; i < old_size; i++)
		kept += old[i].used && old[i].next > r->turn;
	r->sender_size = 64;
	while (r->sender_size < 4 * (kept + 1))
		r->sender_size *= 2;
	r->senders = mem_array(r->sender_size, sizeof(*r->senders));
	r->sender_count = kept;
	for (uint32_t i = 0; i < old_size; i++)
		if (old[i].used && old[i].next > r->turn)
			*find_sender(r->senders, r->sender_size, old[i].sender) = old[i];
	free(old);
}

static uint64_t
next_turn(struct ready *r, uint32_t sender)
{
	struct sender_turn *s;
	uint64_t turn = r->turn;

	if (2 * (r->sender_count + 1) > r->sender_size)
		make_room(r);
	s = find_sender(r->senders, r->sender_size, sender);
	if (!s->used)
		r->sender_count++;
	else if (s->next > turn)
		turn = s->next;
	*s = (struct sender_turn){ .sender = sender, .used = 1, .next = turn + 1 };
	return turn;
}

/* -- what the queue calls ------------------------------------------------------------------ */

void
ready_init(struct ready *r, struct queue_entry **entries)
{
	*r = (struct ready){ .entries = entries };
}

void
ready_free(struct ready *r)
{
	free(r->lanes);
	free(r->senders);
	for (size_t i = 0; i < QUEUE_LANES; i++)
		free(r->heap[i].at);
}

void
ready_add(struct ready *r, uint32_t i, bool keep_turn)
{
	struct queue_entry *e = at(r, i);

	if (!keep_turn)
		e->turn = next_turn(r, e->sender);
	ready_add_at(r, i, e->flags & QUEUE_FORCED ? LEVEL_FORCED + e->priority : e->priority);
}

void
ready_add_at(struct ready *r, uint32_t i, uint32_t level)
{
	struct queue_entry *e = at(r, i);
	struct lane *l = lane_of(r, e->dest);

	e->level = (uint8_t)level;
	e->left = e->right = e->up = QUEUE_NONE;
	e->rank = 1;
	l->root = merge(r, l->root, i);
	at(r, l->root)->up = QUEUE_NONE;
	if (l->root == i)
		settle(r, e->dest);
}

void
ready_remove(struct ready *r, uint32_t i)
{
	uint32_t d = at(r, i)->dest;
	struct lane *l = &r->lanes[d];
	bool was_first = l->root == i;

	take_out(r, l, i);
	if (was_first)
		settle(r, d);
}

uint32_t
ready_first(const struct ready *r, unsigned mask)
{
	uint32_t best = QUEUE_NONE;

	for (unsigned kind = 0; kind < QUEUE_LANES; kind++) {
		uint32_t i;

		if (!(mask >> kind & 1) || r->heap[kind].n == 0)
			continue;
		i = r->lanes[r->heap[kind].at[0]].root;
		if (best == QUEUE_NONE || before(r, i, best))
			best = i;
	}
	return best;
}

void
ready_passes(struct ready *r, uint32_t i)
{
	if (at(r, i)->turn > r->turn)
		r->turn = at(r, i)->turn;
}

void
ready_open(struct ready *r, uint32_t dest, enum queue_lane kind)
{
	struct lane *l = lane_of(r, dest);

	if (l->kind == kind)
		return;
	leave_heap(r, dest);
	l->kind = (uint8_t)kind;
	settle(r, dest);
}
