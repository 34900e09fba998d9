/*
 * helper: child processes of schedule that do what waits for the disk.
 *
 * Requests are records on a socketpair, taken one after another by each
 * helper; several helpers work beside each other, so that the journal groups
 * their syncs.
 *
 *	append job= id= sub= good= lines=	-> done job= good=
 *	finish job= ref=ID SUB ...		-> done job=
 *	bounce job= id= sub= group= to= host=	-> done job= bounce=ID sub=N
 * and `error=ERRNO` beside job when it did not succeed.
 */
#ifndef SPOOL_RUNNER_HELPER_H
#define SPOOL_RUNNER_HELPER_H

#include "base/base.h"

struct service;
struct spool;
struct retry_rules;

#define HELPERS 4

/*
 * Fork them; fds[HELPERS] are our ends.  Before the loop and before seccomp
 * of this process (each takes its own filter).  retry outlives them.  A helper ends with our end.
 */
void helper_start(struct service *svc, struct spool *sp, const struct retry_rules *retry, int fds[HELPERS]);

#endif
