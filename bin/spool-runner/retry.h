/*
 * retry: the arithmetic of attempts.  Pure: numbers in, numbers out.
 *
 * First attempt after the delivery delay, then one after each wait of
 * retryIntervals: four waits are five attempts in all (QUEUE-05).
 */
#ifndef SPOOL_RUNNER_RETRY_H
#define SPOOL_RUNNER_RETRY_H

#include "base/base.h"
#include "base/span.h"
#include "base/verdict.h"

#define RETRY_WAITS_MAX 100

struct retry_rules {
	uint32_t minutes[RETRY_WAITS_MAX];
	size_t count;			/* of minutes, 1 or more */
	uint32_t dns_attempts;		/* failures of DNS before giving up; count or more = off */
};

enum retry_step { RETRY_LATER, RETRY_GIVE_UP };

/*
 * A recipient failed for now.  attempts: those made, with this one (1 or more);
 * dns: of these, how many failed for DNS in a row up to now, 0 when this one
 * did not.  now and *next are seconds since 1970; *next only for RETRY_LATER.
 */
enum retry_step retry_decide(const struct retry_rules *rules, uint32_t attempts, uint32_t dns,
	int64_t now, int64_t *next);

/*
 * When the last attempt will be made of a recipient whose next one is at `next`:
 * attempts and dns as above.
 */
int64_t retry_until(const struct retry_rules *rules, uint32_t attempts, uint32_t dns, int64_t next);

/*
 * Failures of DNS in a row are counted in the text of retry: lines, which
 * begins "DNS failure N: ".  N of such an outcome ("451 4.4.3 DNS failure 2:
 * ..."), or 0 for any other.
 */
uint32_t retry_dns_count(struct span outcome);
#define RETRY_DNS_FORMAT "DNS failure %u: %s"

/*
 * A failed look-up on which schedule gives up is a fact about the domain:
 * "450 4.1.2" becomes "550 5.1.2" (RFC 3463 3.2).
 */
struct verdict retry_permanent(const struct verdict *v);

#endif
