/*
 * round_outcome: what a recipient's outcome means for it.
 */
#ifndef SPOOL_RUNNER_ROUND_OUTCOME_H
#define SPOOL_RUNNER_ROUND_OUTCOME_H

#include "base/base.h"
#include "round_jobs.h"

/*
 * Into lines, its state and the log.  Who is to be told of it gets the group
 * `group` + enum round_group.
 */
void round_outcome_settle(struct round *r, struct envelope_rcpt *p, const struct outcome *o, uint32_t group);

/* Of those that wait whoever is to be told of that now, also when nothing was tried in this round. */
void round_outcome_delays(struct round *r, uint32_t group);

#endif
