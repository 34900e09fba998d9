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

/* Settings delayWarning. */
struct notice_rules {
	int64_t delay;		/* age of a message, in seconds, from which its sender is told */
	bool warns;		/* users of this server who did not say what they want are told too */
};

/*
 * When it is to be told that the recipient was tried and waits, in seconds since
 * 1970; INT64_MAX: not at all.  Each is told of once.  Who neither asked nor
 * logged in is not told: its address may be another's.
 */
int64_t notice_delay_at(const struct notice_rules *rules, const struct envelope *e, const struct envelope_rcpt *p);

/* `next`, or the time by which it is to be delivered when that comes first. */
int64_t notice_next(const struct envelope *e, int64_t now, int64_t next);

#endif
