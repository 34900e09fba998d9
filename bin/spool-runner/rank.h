/*
 * rank: the priority of a message in the queue, from the rules of its sender's
 * domain (policy/priority.h).
 */
#ifndef SPOOL_RUNNER_RANK_H
#define SPOOL_RUNNER_RANK_H

#include "base/base.h"
#include "directory/sending.h"
#include "schedule.h"
#include "spool/envelope.h"

/*
 * Whose rules hold: the list or account for which it was made, else the account
 * that submitted it, else the domain of the reverse-path; n == 0: nobody's.  Borrowed.
 */
struct span rank_sender(const struct envelope *e);

/* Failed attempts of the recipient that is open and has most. */
uint32_t rank_attempts(const struct envelope *e);

/* By the rules of its sender. */
uint32_t rank_of(const struct envelope *e, const struct sending *rules, uint32_t attempts);

/* A scan found it: its priority follows when auth-check has told the rules. */
void rank_found(struct schedule *s, uint32_t entry, const struct envelope *e);

#endif
