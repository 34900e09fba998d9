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
#include "expander.h"
#include "helper.h"
#include "io/loop.h"
#include "notice.h"
#include "queue.h"
#include "retry.h"
#include "service/service.h"
#include "spool/envelope.h"
#include "spool/spool.h"
#include "spool/spool_scan.h"

/* Destinations that are not a domain. */
#define DEST_LOCAL 0		/* local-deliver */
#define DEST_ANY 1		/* all places for remote deliveries are taken */
#define DEST_FIRST 2		/* domains by hash from here */

#define FINISH_BATCH 200	/* messages that share the sync of one finish */

struct schedule {
	struct service *svc;
	struct loop *loop;
	struct spool *spool;
	struct queue *queue;
	struct expander *expander;
	struct deliverer *local, *remote, *helpers;

	struct retry_rules rules;
	int64_t delay;			/* seconds before the first attempt */
	struct notice_rules notices;
	uint32_t max_hops;
	size_t max_remote, max_domain;	/* jobs at once, in all and for one domain */
	const char *host;

	size_t active;			/* rounds */
	size_t held;			/* entries with QUEUE_HELD */
	size_t remote_jobs;
	uint32_t dest_jobs[QUEUE_DESTS];
	int64_t dest_turned[QUEUE_DESTS];	/* when the last ETRN for it was obeyed */
	struct loop_timer *pump;

	struct spool_scan *scan;	/* one is going on */
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

/* Every recipient is over, or it is deleted: its files go, then its entry. */
void schedule_finish(struct schedule *s, uint32_t entry);

/* May one more job be started for this destination?  If not, *wait_for is what to park for. */
bool schedule_has_place(const struct schedule *s, uint16_t dest, uint16_t *wait_for);
void schedule_job_begins(struct schedule *s, uint16_t dest);
void schedule_job_ends(struct schedule *s, uint16_t dest);
/* Places of dest may be free: those parked for it come back, as many as there are places. */
void schedule_wake(struct schedule *s, uint16_t dest);

/* Answer requests on the listening socket (lib/spool/control.h). */
void schedule_serve(struct schedule *s, int listener);

#endif
