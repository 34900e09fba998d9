/*
 * quarantine: let messages in quarantine go, or remove them, on request
 * (lib/spool/control.h).
 */
#ifndef SPOOL_RUNNER_QUARANTINE_H
#define SPOOL_RUNNER_QUARANTINE_H

#include "base/base.h"
#include "base/record.h"
#include "schedule.h"

/* `quarantine-release` and `quarantine-delete`. */
void quarantine_release(struct schedule *s, const struct record *r, struct buf *answer);
void quarantine_delete(struct schedule *s, const struct record *r, struct buf *answer);

#endif
