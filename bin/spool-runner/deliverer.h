/*
 * deliverer: hand jobs to the programs that deliver, from an event loop.
 *
 * A deliverer holds a few connections (SOCK_SEQPACKET) to one program, local-deliver,
 * remote-send or our own helpers, and gives each job to the one with the fewest
 * jobs; what waits in a connection is taken by the other side as one batch.
 * A lost connection ends its jobs with a NULL answer; they may or may not
 * have been done.  The next job connects anew.
 */
#ifndef SPOOL_RUNNER_DELIVERER_H
#define SPOOL_RUNNER_DELIVERER_H

#include "base/base.h"
#include "base/buf.h"
#include "base/record.h"
#include "io/loop.h"

struct service;
struct deliverer;

/* Most connections of one deliverer. */
#define DELIVERER_LINKS 4

/*
 * The answer record ("done" or "sent"), borrowed for the call; NULL when the
 * deliverer is gone.
 */
typedef void deliverer_call(void *ctx, const struct record *answer);

/* socket: name below run/pub ("deliver", "send"). */
struct deliverer *deliverer_new(struct service *svc, struct loop *loop, const char *socket, size_t links);

/*
 * The same over socketpairs to our own helpers, n at most DELIVERER_LINKS,
 * non-blocking from now on.  When one of them ends, so does this process.
 */
struct deliverer *deliverer_new_helpers(struct service *svc, struct loop *loop, const int *fds, size_t n);

/*
 * Begin a job: returns its number, which belongs into the record as job=.
 * deliverer_send must follow.
 */
uint64_t deliverer_begin(struct deliverer *d, deliverer_call *call, void *ctx);

/* Send the record of job; fd (or -1) goes with it and is closed here.  The record is copied. */
void deliverer_send(struct deliverer *d, uint64_t job, const struct buf *record, int fd);

/* The answer to this job is not wanted any more. */
void deliverer_forget(struct deliverer *d, uint64_t job);

/* Jobs that wait for an answer. */
size_t deliverer_jobs(const struct deliverer *d);

#endif
