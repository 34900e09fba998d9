/*
 * runner: what intake and schedule have in common.
 */
#ifndef SPOOL_RUNNER_RUNNER_H
#define SPOOL_RUNNER_RUNNER_H

#include "base/base.h"
#include "service/service.h"
#include "spool/spool.h"

/* Before service_confine: the spool folder, and the right to reach it. Dies on failure. */
int runner_open_spool(struct service *svc);

/* After it: the spool, with its lock held for life.  Dies; "already running" when the lock is taken. */
struct spool *runner_spool(struct service *svc, int spool_fd, const char *lock);

/* The socket that mail-master bound; dies when there is none. */
int runner_listener(const struct service *svc, const char *name);

/* True when an outside program looks at new mail, so that it rests in the queue first. */
bool runner_has_checker(const struct service *svc);

#endif
