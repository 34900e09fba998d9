/*
 * intake: the process that names new messages and commits them.
 *
 * One loop serves every receiver (receiver.c).  It creates, renames and
 * unlinks; what has to be made durable is synced by receivers and by
 * local-deliver.
 */
#ifndef SPOOL_RUNNER_INTAKE_H
#define SPOOL_RUNNER_INTAKE_H

#include "base/base.h"
#include "deliverer.h"
#include "expander.h"
#include "meter.h"
#include "io/door.h"
#include "io/loop.h"
#include "service/service.h"
#include "space.h"
#include "spool/spool.h"

struct intake {
	struct service *svc;
	struct loop *loop;
	struct door *door;		/* NULL: stopping */
	struct spool *spool;
	struct expander *expander;
	struct meter *meter;
	struct deliverer *deliverer;
	struct space space;
	int schedule;		/* connection for notices, -1: none now */
	bool waits;		/* an outside checker is configured: everything takes the queue */
	bool stopping;
	size_t receivers;	/* connections */
	size_t busy;		/* messages between commit and answer */
};

/* Run as intake; returns the exit code. */
int intake_run(struct service *svc);

/*
 * Tell schedule of a queued message; outcomes (may be empty) are finished
 * envelope lines that it has to append.  A lost notice is found by its scan.
 */
struct buf;
struct envelope;
void intake_notify(struct intake *in, struct spool_ref ref, const struct envelope *e, const struct buf *outcomes);

/* A receiver is gone, or a message of it is over: ends the loop when stopping. */
void intake_check_end(struct intake *in);

#endif
