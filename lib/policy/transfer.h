/*
 * transfer: what stands against the transfer of a message as such: bytes that no
 * message may hold, a header that is too large, counts that are passed, demands
 * that cannot be met, and checkers that cannot be asked.
 *
 * Sums as in smtp_in.h: facts in, verdict out, a line for each fact that counted;
 * `why` may be NULL.  A count below its limit leaves no line.
 */
#ifndef POLICY_TRANSFER_H
#define POLICY_TRANSFER_H

#include "base/base.h"
#include "base/buf.h"
#include "base/span.h"
#include "base/verdict.h"

/* The bytes of a message, as far as they came. */
struct policy_text {
	bool bare_lf, bare_cr;		/* RFC 5321 2.3.8: somebody hides a second message in this one, or cannot speak SMTP */
	bool nul, long_line;
	uint64_t line_max;
	bool parts_unreadable;		/* RFC 3030: what is labelled binary cannot be made lines of */
};
/* 250, 521 5.5.2 (which ends the session) or 554 5.6.0. */
struct verdict policy_text(const struct policy_text *f, struct buf *why) PB_MUST_CHECK;

/* Its header section. */
struct policy_header {
	bool too_many_bytes, too_many_lines;
	uint64_t bytes_max, lines_max;
};
/* 250 or 554 5.6.0. */
struct verdict policy_header(const struct policy_header *f, struct buf *why) PB_MUST_CHECK;

/* One more message of a session that has had so many; max 0: no limit.  250 or 421 4.7.0. */
struct verdict policy_messages(uint64_t sent, uint64_t max, struct buf *why) PB_MUST_CHECK;

/* One more RCPT of a transaction that has taken so many, from a client that went over the limit so often. */
struct policy_rcpt_count {
	uint64_t named, max;
	uint64_t overshot, overshoot_max;	/* this one included */
};
/* 250, 452 4.5.3 (RFC 5321 4.5.3.1.10) or 421 4.7.0. */
struct verdict policy_rcpt_count(const struct policy_rcpt_count *f, struct buf *why) PB_MUST_CHECK;

/* Recipients that do not exist, this one included; max 0: no limit.  250 or 421 4.7.0. */
struct verdict policy_unknown_rcpts(uint64_t unknown, uint64_t max, struct buf *why) PB_MUST_CHECK;

/* What a sender demands of the transport at MAIL. */
struct policy_demands {
	bool requiretls, tls;		/* RFC 8689 is offered inside TLS only */
	bool holds, hold_offered;	/* RFC 4865 */
	int64_t hold_until, now, hold_max;	/* seconds */
	int priority;			/* RFC 6710; 0 without a wish */
	bool is_known;			/* logged in or trusted: may overtake others */
};
/* 250, 501 5.5.4 or 555 5.5.4; *priority_out is what the message gets. */
struct verdict policy_demands(const struct policy_demands *f, int *priority_out, struct buf *why) PB_MUST_CHECK;

/* What happens when a milter or policy server cannot be asked (failMode). */
enum policy_fail { POLICY_FAIL_ACCEPT, POLICY_FAIL_TEMPFAIL, POLICY_FAIL_REJECT };
enum policy_checker { POLICY_MILTER, POLICY_SERVER };
/* 250, 451 4.7.1 or 550 5.7.1.  place: where it should listen. */
struct verdict policy_unasked(enum policy_checker who, struct span place, enum policy_fail mode,
	struct buf *why) PB_MUST_CHECK;

#endif
