/*
 * queue: what schedule remembers of every message: 64 bytes and its place in
 * the order, whatever the message is.  Pure: no I/O, no clock.
 *
 * A message is always in exactly one state:
 *	WAITING	  until its time has come
 *	READY	  due; it stands in the lane of its destination
 *	ACTIVE	  somebody works on it
 * Messages are named by an index that stays the same until queue_remove.
 *
 * Who is first among the READY ones of all open lanes:
 *  1. who is forced, then the higher level: the priority, and one more for each
 *     QUEUE_AGE_S that a message has been READY, so that none waits for ever;
 *  2. of one level the earlier turn.  Turns make senders share alike: each message
 *     of a sender stands one turn behind his last, but nobody behind those that
 *     have gone already (start-time fair queueing, Goyal, Vin, Cheng 1996).  New
 *     mail and mail that was tried before count as two senders;
 *  3. the lower id.
 */
#ifndef SPOOL_RUNNER_QUEUE_H
#define SPOOL_RUNNER_QUEUE_H

#include "base/base.h"
#include "spool/spool.h"

#define QUEUE_NONE UINT32_MAX
#define QUEUE_AGE_S 600

enum queue_state { QUEUE_FREE, QUEUE_WAITING, QUEUE_READY, QUEUE_ACTIVE };

enum queue_flag {
	QUEUE_FORCED = 1,	/* wanted now, whatever the schedule says */
	QUEUE_RESET = 2,	/* attempts begin again */
	QUEUE_DELETE = 4,	/* to be removed without a bounce */
	QUEUE_DELAY = 8,	/* rests for outside checkers, or until its sender's time */
	QUEUE_TURN = 16,	/* another host asked for it (ETRN): wanted now, at no cost */
	QUEUE_SPENT = 32,	/* counted by the throttles of its sender */
	QUEUE_HELD = 64,	/* hold.h: must not go, as a whole or in part */
	QUEUE_THROTTLED = 128,	/* so is it, until the hour is over: its sender has sent too much */
	QUEUE_BY_HAND = 256	/* its priority was set by an administrator */
};

/* Which lanes may be served: destinations are of one kind at a time (destination.h). */
enum queue_lane {
	QUEUE_CLOSED,
	QUEUE_HERE,		/* no outside delivery, or not known yet */
	QUEUE_OUTSIDE,
	QUEUE_TROUBLED,		/* outside, and the last attempt failed */
	QUEUE_LANES
};

struct queue_entry {
	uint64_t id;
	uint64_t turn;		/* READY */
	uint32_t sub;
	uint32_t due;		/* seconds since 1970 */
	union {
		uint32_t heap;	/* WAITING: position */
		uint32_t left;	/* READY: subtrees of a leftist heap */
	};
	uint32_t right;		/* FREE: the next such */
	uint32_t up;
	uint32_t chain;		/* next with the same hash of the id */
	uint32_t dest;		/* destination.h */
	uint32_t sender;	/* hash; bit 0: tried before */
	uint16_t attempts;
	uint16_t flags;
	uint8_t state;
	uint8_t lost;		/* rounds in a row that ended without an answer */
	uint8_t priority;	/* 1 to 10 */
	uint8_t level;		/* READY */
	uint8_t rank;		/* READY: of the leftist heap */
};

struct queue;

struct queue *queue_new(void);
void queue_free(struct queue **q);
size_t queue_count(const struct queue *q);

/* The entry; valid until the next queue_add. */
struct queue_entry *queue_at(struct queue *q, uint32_t i);

/* QUEUE_NONE when absent. */
uint32_t queue_find(const struct queue *q, uint64_t id);
/* A message that is not there yet, WAITING until due, with destination 0 (DEST_ANY); returns its index. */
uint32_t queue_add(struct queue *q, struct spool_ref ref, int64_t due);
void queue_remove(struct queue *q, uint32_t i);

/* From any state. */
void queue_wait(struct queue *q, uint32_t i, int64_t due);
void queue_activate(struct queue *q, uint32_t i);
/* READY again, in the lane of dest, without losing its turn: there was no place. */
void queue_again(struct queue *q, uint32_t i, uint32_t dest);

/* What decides its place: it follows when it is READY. */
void queue_set_priority(struct queue *q, uint32_t i, uint32_t priority);
void queue_set_sender(struct queue *q, uint32_t i, uint32_t hash, bool tried);
void queue_set_dest(struct queue *q, uint32_t i, uint32_t dest);

/* From now on the lane of dest is of this kind. */
void queue_open(struct queue *q, uint32_t dest, enum queue_lane lane);

/*
 * The first of those that are due at `now` in the open lanes of the kinds in
 * mask (1 << enum queue_lane), QUEUE_NONE when there is none.  It stays READY.
 */
uint32_t queue_first(struct queue *q, int64_t now, unsigned mask);
/* One that was READY is delivered now, and not only looked at: turns go on from its. */
void queue_goes(struct queue *q, uint32_t i);
/* The earliest time of those that were not due when last asked; false when there are none. */
bool queue_next_time(const struct queue *q, int64_t *out) PB_MUST_CHECK;

/* Raise the level of those who have waited, among the next n entries from where the last call ended. */
void queue_age(struct queue *q, int64_t now, uint32_t n);

/* Every message: i from 0 to queue_size - 1; those in state QUEUE_FREE are none. */
uint32_t queue_size(const struct queue *q);

#endif
