/*
 * throttle: mail to other hosts that waits, because its sender has sent as much
 * as he may in this clock hour (policy/throttle.h).
 *
 * A message counts once, when its first attempt to another host begins, for the
 * account that submitted it, its domain (or that of a reverse-path of ours), and
 * the mailing list that it is of.  It is never refused.
 */
#ifndef SPOOL_RUNNER_THROTTLE_H
#define SPOOL_RUNNER_THROTTLE_H

#include "base/base.h"
#include "round_jobs.h"

/* Go on with `next` when it is known what may go; recipients elsewhere may be held then. */
void throttle_then(struct round *r, void (*next)(struct round *r));

#endif
