/*
 * round: one attempt to deliver one message of the queue.
 */
#ifndef SPOOL_RUNNER_ROUND_H
#define SPOOL_RUNNER_ROUND_H

#include "base/base.h"
#include "base/span.h"
#include "schedule.h"

/*
 * Begin a round for the entry, which becomes ACTIVE.  lines (may be empty):
 * what has to be appended to the envelope first.  The round ends by itself:
 * the entry then waits, is parked, or is finished.
 */
void round_start(struct schedule *s, uint32_t entry, struct span lines);

/* For its parts: another attempt soon, without counting this one; the round is over. */
struct round;
void round_put_off(struct round *r);

#endif
