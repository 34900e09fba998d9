/*
 * queue: what schedule remembers of every message: 48 bytes and its place in
 * the order of due times, whatever the message is.  Pure: no I/O, no clock.
 *
 * A message is always in exactly one state:
 *	WAITING	  in the heap until its time has come, then in that of the due ones
 *	PARKED	  due, but its destination has all the deliveries it may have
 *	ACTIVE	  somebody works on it
 * Messages are named by an index that stays the same until queue_remove.
 */
#ifndef SPOOL_RUNNER_QUEUE_H
#define SPOOL_RUNNER_QUEUE_H

#include "base/base.h"
#include "spool/spool.h"

#define QUEUE_NONE UINT32_MAX

/* Destinations are counted by hash; those that share one share its limit. */
#define QUEUE_DESTS 8192

enum queue_state { QUEUE_FREE, QUEUE_WAITING, QUEUE_PARKED, QUEUE_ACTIVE };

enum queue_flag {
	QUEUE_FORCED = 1,	/* wanted now, whatever the schedule says */
	QUEUE_RESET = 2,	/* attempts begin again */
	QUEUE_DELETE = 4,	/* to be removed without a bounce */
	QUEUE_DELAY = 8,	/* rests for outside checkers, or until its sender's time */
	QUEUE_HELD = 64,	/* hold.h: must not go, as a whole or in part */
	QUEUE_READY = 32,	/* queue.c: among the due ones */
	QUEUE_TURN = 16		/* another host asked for it (ETRN): wanted now, at no cost */
};

struct queue_entry {
	uint64_t id;
	uint32_t sub;
	uint32_t due;		/* seconds since 1970 */
	uint32_t heap;		/* position while WAITING */
	uint32_t chain;		/* next with the same hash of the id; next free */
	uint32_t next, prev;	/* while PARKED */
	uint16_t dest;		/* PARKED: waits for it; WAITING for a retry: where to, DEST_ANY for several */
	uint16_t attempts;
	uint8_t state;
	uint8_t flags;
	uint8_t lost;		/* rounds in a row that ended without an answer */
	uint8_t priority;	/* 1 to 10; 10 goes first among those that are due */
};

struct queue;

struct queue *queue_new(void);
void queue_free(struct queue **q);
size_t queue_count(const struct queue *q);

/* The entry; valid until the next queue_add. */
struct queue_entry *queue_at(struct queue *q, uint32_t i);

/* QUEUE_NONE when absent. */
uint32_t queue_find(const struct queue *q, uint64_t id);
/* A message that is not there yet, WAITING until due; returns its index. */
uint32_t queue_add(struct queue *q, struct spool_ref ref, int64_t due);
void queue_remove(struct queue *q, uint32_t i);

/* From any state. */
void queue_wait(struct queue *q, uint32_t i, int64_t due);
void queue_park(struct queue *q, uint32_t i, uint16_t dest);
void queue_activate(struct queue *q, uint32_t i);

/*
 * The next of those due at `now`: highest priority, then earliest time, then
 * lowest id.  QUEUE_NONE when none is due.  It stays WAITING.
 */
uint32_t queue_first_due(struct queue *q, int64_t now);
/* The earliest time of those that were not due when last asked; false when there are none. */
bool queue_next_time(const struct queue *q, int64_t *out) PB_MUST_CHECK;
/* Its place among the due ones follows. */
void queue_set_priority(struct queue *q, uint32_t i, uint32_t priority);
/* The one parked longest for dest, or QUEUE_NONE. */
uint32_t queue_first_parked(const struct queue *q, uint16_t dest);

/* Every message: i from 0 to queue_size - 1; those in state QUEUE_FREE are none. */
uint32_t queue_size(const struct queue *q);

#endif
