/*
 * round_log: what a round says in the delivery log.
 */
#ifndef SPOOL_RUNNER_ROUND_LOG_H
#define SPOOL_RUNNER_ROUND_LOG_H

#include "base/base.h"
#include "base/verdict.h"
#include "round_jobs.h"

/* event=delivered, deferred or failed for one recipient; next: of the next attempt, or 0. */
void round_log_outcome(struct round *r, const struct envelope_rcpt *p, const char *event,
	const struct verdict *v, int64_t next);

/* event=bounced: r->group is told of in message id; 0: nobody is told. */
void round_log_bounce(struct round *r, uint64_t id, const char *about);

/* event=held with the reason, or event=released when that is NULL. */
void round_log_hold(struct round *r, const char *reason);

/* A step that failed for a system error; the round is put off. */
void round_log_trouble(struct round *r, const char *step, int error);

#endif
