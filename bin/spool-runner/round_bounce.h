/*
 * round_bounce: who is told of what became of a message.
 */
#ifndef SPOOL_RUNNER_ROUND_BOUNCE_H
#define SPOOL_RUNNER_ROUND_BOUNCE_H

#include "base/base.h"
#include "round_jobs.h"

/* The groups of one round, counted from the first that is free. */
enum round_group { GROUP_FAILED, GROUP_UNTOLD, GROUP_DONE, GROUP_DELAYED, GROUPS };

/* Tell of one group after the other, then go on with r->after_bounces. */
void round_bounce(struct round *r);

/*
 * bounce: lines for those whose group is `group` + enum round_group; that is
 * r->env->groups + 1.  False when there are none.
 */
bool round_bounce_name(struct round *r, uint32_t group);

/*
 * Of failures whose bounce: line a crash has cut off somebody must still be
 * told; so they get a group now.
 */
void round_bounce_orphans(struct round *r);

#endif
