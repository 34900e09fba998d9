/*
 * decide: one delivery, from its facts to the verdict and the records behind it.
 *
 * Facts are gathered in the order of policy/greylist.h and no further than the first
 * that exempts, so that what needs nobody is asked first and DNS last.
 */
#ifndef GREYLIST_CHECK_DECIDE_H
#define GREYLIST_CHECK_DECIDE_H

#include "base/base.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/span.h"
#include "policy/greylist.h"
#include "records.h"
#include "rules.h"

/* SPF is asked once a message. */
struct spf_memo {
	bool is_asked, passes;
};

struct delivery {
	const char *ticket;		/* for log lines; "" when there is none */
	struct addr client;		/* family AF_UNSPEC: not known */
	const char *user;		/* who logged in; "" */
	const char *mailer;		/* how the server passes the recipient on: macro {rcpt_mailer}; NULL when it does not say */
	struct span helo, sender, recipient;	/* without brackets */
	struct spf_memo *spf;
};

struct decision {
	struct policy_greylist_result result;
	char canonical[LIMIT_ADDRESS + 1];	/* the recipient's normalised address; as it came when not known */
	bool is_recipient_asked;	/* canonical was asked of auth-check */
	char origin[ORIGIN_TEXT_MAX];	/* what stands for the client; "" when no record was looked at */
	char until[32];			/* of an expectation */
	struct triple contact;		/* what the records are found by */
	struct judged judged;		/* when a record was looked at */
	struct found network, domain;
	int64_t earliest_s;		/* not passing: when a retry is taken */
};

/*
 * Judge and, with `writes`, note.  `why` (may be NULL) gets the lines of the sum.
 * 0, or -1 with errno when the database failed.
 */
int decide(const struct rules *rules, const struct delivery *d, int64_t now, bool writes, struct buf *why,
	struct decision *out) PB_MUST_CHECK;

/* "2026-11-22 02:59:10 UTC" */
void decide_print_time(int64_t at, char out[32]);

/* What a client hears that has to come again, and has not before `earliest`. */
#define DECIDE_CODE "451"
#define DECIDE_STATUS "4.7.1"
#define DECIDE_TEXT_MAX 160
void decide_print_refusal(int64_t now, int64_t earliest, char out[DECIDE_TEXT_MAX]);

#endif
