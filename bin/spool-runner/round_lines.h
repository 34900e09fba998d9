/*
 * round_lines: what a round appends to its envelope.
 */
#ifndef SPOOL_RUNNER_ROUND_LINES_H
#define SPOOL_RUNNER_ROUND_LINES_H

#include "base/base.h"
#include "round_jobs.h"

/* Make r->lines durable, then go on with `next`; the round is put off when that fails. */
void round_append_then(struct round *r, void (*next)(struct round *r));

#endif
