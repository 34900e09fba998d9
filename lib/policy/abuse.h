/*
 * abuse: what follows from what abuse-check counted.
 *
 * The counting with its windows of time is bin/abuse-check's; here it is decided:
 * numbers in, answer out, no clock and no table.
 */
#ifndef POLICY_ABUSE_H
#define POLICY_ABUSE_H

#include "base/base.h"
#include "base/buf.h"

/* May a session of an address, or of a user, begin? */
struct policy_admission {
	bool is_white;			/* on the whitelist for the service: counted, never refused (ABUSE-15) */
	bool is_blocked;
	uint64_t open, open_max;	/* sessions at once, this one included; 0: no limit */
};
enum policy_admitted { POLICY_ADMITTED, POLICY_BLOCKED, POLICY_TOO_MANY };
/* `why`, which may be NULL, gets a line for what is held against it; none, and nothing is. */
enum policy_admitted policy_admission(const struct policy_admission *f, struct buf *why) PB_MUST_CHECK;

/* A rule and what was counted for it in its time, this event included. */
struct policy_rule {
	const char *kind;		/* "dos", "badSessions", "loginFailures", "internalSpammer" */
	uint64_t count;
	uint64_t limit;			/* at least 1 */
	bool must_exceed;		/* internalSpammer: more than the limit; the others: as many */
	bool is_fault;			/* each event is held against who did it: badSessions, loginFailures */
};
/*
 * Is it crossed, that is, has the total come down to -100?  `why`, which may be NULL, gets a line
 * "KIND COUNT WEIGHT TOTAL": of a fault always, with its share of the 100, and of
 * other events once they cross the rule, which they do together.
 */
bool policy_rule_crossed(const struct policy_rule *f, struct buf *why) PB_MUST_CHECK;

/*
 * Milliseconds before the answer to the failures-th failed log-in of an
 * address or account: none for the first two, who may have mistyped, then 2, 4, 8 and for
 * all that follow 15 seconds.
 */
uint32_t policy_failures_delay(uint32_t failures);

/* A failed log-in. */
struct policy_login {
	uint32_t of_address, of_account;	/* failures lately, this one included */
	bool is_white;			/* the address is on the whitelist: its failures do not count */
	bool is_spared;			/* the account logged in from there before: nobody slows it down */
};
/*
 * Milliseconds before its answer: the longer wait of the two.  `why`, which may be NULL, gets
 * lines whose weights are milliseconds too, against the client where they are negative.
 */
uint32_t policy_login_delay(const struct policy_login *f, struct buf *why);

#endif
