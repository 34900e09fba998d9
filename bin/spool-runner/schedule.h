/*
 * schedule: the process that decides what goes when, where and how often.
 *
 * The queue in memory (queue.h) says whose time has come; a round (round.h)
 * makes one attempt for one message; helpers (helper.h) do what must be synced.
 */
#ifndef SPOOL_RUNNER_SCHEDULE_H
#define SPOOL_RUNNER_SCHEDULE_H

#include "base/base.h"
#include "deliverer.h"
#include "destination.h"
#include "expander.h"
#include "helper.h"
#include "io/loop.h"
#include "meter.h"
#include "notice.h"
#include "queue.h"
#include "retry.h"
#include "service/service.h"
#include "spool/envelope.h"
#include "spool/spool.h"
#include "spool/spool_scan.h"

#define TURNS 8192		/* domains, by hash, whose last ETRN is remembered */
#define FINISH_BATCH 200	/* messages that share the sync of one finish */

struct schedule {
	struct service *svc;
	struct loop *loop;
	struct spool *spool;
	struct queue *queue;
	struct expander *expander;
	struct meter *meter;
	struct deliverer *local, *remote, *helpers;

	struct retry_rules rules;
	int64_t delay;			/* seconds before the first attempt */
	struct notice_rules notices;
	uint32_t max_hops;
	size_t max_remote, max_domain;	/* jobs at once, in all and for one domain */
	const char *host;

	size_t active;			/* rounds */
	size_t held;			/* entries with QUEUE_HELD */
	struct destinations *dests;
	size_t remote_jobs, troubled_jobs;	/* begun or reserved; the latter where the last attempt failed */
	uint32_t *resting;			/* destinations that are busy, each in use once by this */
	size_t resting_count, resting_size;
	int64_t turned[TURNS];			/* when the last ETRN for it was obeyed */
	struct loop_timer *pump;

	struct spool_scan *scan;	/* one is going on */
	size_t asked;			/* questions about what it found, not answered yet */
	struct spool_ref finish[FINISH_BATCH];
	uint32_t finish_entry[FINISH_BATCH];
	size_t finish_count;
	struct loop_timer *finish_timer;

	bool stopping;			/* nothing is begun any more */
	uint64_t stop_by;		/* clock_ms */
};

/* Run as schedule; returns the exit code. */
int schedule_run(struct service *svc);

/* Seconds since 1970. */
int64_t schedule_now(void);

/* Start what is due, soon. */
void schedule_kick(struct schedule *s);

/* A message (of intake, of a scan, or a bounce) belongs to the queue; QUEUE_NONE when it did already. */
uint32_t schedule_add(struct schedule *s, struct spool_ref ref, int64_t due);

/* When the message of this envelope is due, seconds since 1970; 0: now; INT64_MAX: when it is released. */
int64_t schedule_due(const struct schedule *s, const struct envelope *e);

/*
 * Who it is from: the account that submitted it, else the reverse-path.  tried:
 * it is not new; a sender's new mail does not wait behind that.
 */
void schedule_set_sender(struct schedule *s, uint32_t entry, struct span who, bool tried);

/* Every recipient is over, or it is deleted: its files go, then its entry. */
void schedule_finish(struct schedule *s, uint32_t entry);

/* The entry is gone for good. */
void schedule_remove(struct schedule *s, uint32_t entry);

/* schedule_place.c: destinations and their places. */

/* Where the entry goes from now on. */
void schedule_set_dest(struct schedule *s, uint32_t entry, uint32_t dest);
/* May one more job be started for this destination? */
bool schedule_has_place(const struct schedule *s, uint32_t dest);
/* A job begins, or a place is reserved for one; and its end, with or without an answer. */
void schedule_job_begins(struct schedule *s, uint32_t dest);
void schedule_job_ends(struct schedule *s, uint32_t dest);
/* What the destination said to the best of a job's recipients. */
void schedule_answered(struct schedule *s, uint32_t dest, const struct verdict *v, bool dns);
/* Kinds of lanes from which something may begin (queue_first). */
unsigned schedule_lanes(const struct schedule *s);
/* Once a second. */
void schedule_place_tick(struct schedule *s);
/* The domain, in use once more, with its lane. */
uint32_t schedule_dest(struct schedule *s, struct span domain);
void schedule_dest_put(struct schedule *s, uint32_t dest);

/* Answer requests on the listening socket (lib/spool/control.h). */
void schedule_serve(struct schedule *s, int listener);

#endif
