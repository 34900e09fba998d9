/*
 * notice: of what the sender is told (RFC 3461 NOTIFY, RFC 2852 BY).  Pure.
 */
#ifndef SPOOL_RUNNER_NOTICE_H
#define SPOOL_RUNNER_NOTICE_H

#include "base/base.h"
#include "spool/envelope.h"

/* It was given up. */
bool notice_of_failure(const struct envelope_rcpt *p);

/*
 * It was delivered, or passed on.  dsn_passed: the next host took over what
 * NOTIFY asks; by_passed: it knows by when it has to be delivered.
 */
bool notice_of_success(const struct envelope *e, const struct envelope_rcpt *p, bool dsn_passed, bool by_passed);

/*
 * It was tried and waits.  now: seconds since 1970; after: age in seconds from
 * which NOTIFY=DELAY is obeyed.  Each recipient is told of once.
 */
bool notice_of_delay(const struct envelope *e, const struct envelope_rcpt *p, int64_t now, int64_t after);

/* `next`, or the time by which it is to be delivered when that comes first. */
int64_t notice_next(const struct envelope *e, int64_t now, int64_t next);

#endif
