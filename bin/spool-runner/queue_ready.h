/*
 * queue_ready: the READY messages: one leftist heap for each destination, and
 * of the open destinations one binary heap for each kind of lane.  See queue.h
 * for the order.  All is O(log n).
 */
#ifndef SPOOL_RUNNER_QUEUE_READY_H
#define SPOOL_RUNNER_QUEUE_READY_H

#include "base/base.h"
#include "queue.h"

struct lane {
	uint32_t root;		/* entry, or QUEUE_NONE */
	uint32_t place;		/* in the heap of its kind; QUEUE_NONE: in none */
	uint8_t kind;		/* enum queue_lane */
};

struct lane_heap {
	uint32_t *at;		/* destinations */
	uint32_t n, size;
};

struct sender_turn {
	uint32_t sender;
	uint32_t used;
	uint64_t next;		/* turn of his next message at the earliest */
};

struct ready {
	struct queue_entry **entries;	/* of the queue: moves when that grows */
	struct lane *lanes;
	uint32_t lane_count;
	struct lane_heap heap[QUEUE_LANES];
	struct sender_turn *senders;	/* open addressing */
	uint32_t sender_size, sender_count;
	uint64_t turn;			/* of the one that went last, or later */
};

void ready_init(struct ready *r, struct queue_entry **entries);
void ready_free(struct ready *r);

/* The entry's dest, sender and priority stand; with keep_turn so does its turn. */
void ready_add(struct ready *r, uint32_t i, bool keep_turn);
/* The same at a level of its own; its turn stands. */
void ready_add_at(struct ready *r, uint32_t i, uint32_t level);
void ready_remove(struct ready *r, uint32_t i);
uint32_t ready_first(const struct ready *r, unsigned mask);
/* It is the one that goes now. */
void ready_passes(struct ready *r, uint32_t i);
void ready_open(struct ready *r, uint32_t dest, enum queue_lane kind);

#endif
