/*
 * greylist: may a delivery pass now, or must it come again later?
 *
 * A sum, as in smtp_in.h: that greylisting is on speaks against a delivery; one
 * exemption, or a record that has passed, lifts it.  What the record says was
 * judged before by its times (bin/greylist-check/judge.h).
 */
#ifndef POLICY_GREYLIST_H
#define POLICY_GREYLIST_H

#include "base/base.h"
#include "base/buf.h"
#include "base/span.h"

/*
 * Facts in the order in which they are looked at; the first that exempts decides.  Who
 * gathers them may stop there: what was not asked is as good as "no".  Texts are NULL
 * when the fact does not hold, else its value for the log.
 */
struct policy_greylist {
	const char *user;	/* somebody logged in (GREY-09) */
	const char *client;	/* why the address is exempt: "whitelist", "smtpAuthBypass" ... (GREY-08, -09, -12) */
	const char *recipient;	/* why the recipient is: "domain-off", "user-off", "not-ours" ... (GREY-06, -07, -13) */
	const char *trusted;	/* the sender is on a list of trusted senders (GREY-10) */
	const char *expected;	/* a user behind the recipient waits for mail, until this time */
	const char *known;	/* the recipient received mail from this sender, or wrote to it (GREY-11) */
	const char *record;	/* what the record says: "first-contact", "too-early", "came-back" ... */
	const char *key;	/* ... and what stands for the client in it: a network, an address, a domain */
	bool record_passes;
};

struct policy_greylist_result {
	bool passes;
	const char *name;	/* the fact that decided */
	const char *value;
	int weight, total;
};

/* `why` gets a line "name value weight total" for each fact that counted, and may be NULL. */
struct policy_greylist_result policy_greylist(const struct policy_greylist *f, struct buf *why) PB_MUST_CHECK;

#endif
