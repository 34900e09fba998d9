/*
 * envelope: weighted checks of the client's name and the sender's domain.
 *
 * Each check has a weight of its own (settings envelopeChecks/...; 0 switches it
 * off); the points of a session's HELO and of a message's sender are added up,
 * and policy_rcpt refuses from a threshold on.  Clients that logged in or are
 * trusted are not checked.
 */
#ifndef POLICY_ENVELOPE_H
#define POLICY_ENVELOPE_H

#include "base/base.h"
#include "base/buf.h"
#include "base/span.h"
#include "base/verdict.h"

struct policy_weights {
	int early_talker;	/* it spoke before the greeting */
	int helo_own_name;	/* the client says it is us */
	int helo_literal;	/* an address literal that is not the client's address */
	int helo_bare;		/* a name without a dot */
	int helo_unresolved;	/* a name that DNS does not know */
	int sender_unresolved;	/* a domain that DNS does not know, or that takes no mail */
	int sender_null_mx;	/* a domain that says it never sends (RFC 7505 4.2) */
	int threshold;		/* points from which on recipients are refused; 0: never */
};

/* Whether DNS knows a name; what could not be found out speaks against nobody. */
enum policy_dns { POLICY_DNS_UNASKED, POLICY_DNS_UNKNOWN, POLICY_DNS_GOOD, POLICY_DNS_NONE, POLICY_DNS_NULL_MX };

struct policy_helo {
	struct span name;		/* as given, its grammar is right */
	bool is_own_name;		/* one of our host names, and the client is another machine */
	bool is_literal, is_peer;	/* an address literal; it is the client's address */
	enum policy_dns dns;
	bool is_early;			/* the client spoke before the greeting */
	bool is_gateway;		/* an own one: the name of the server behind it counts instead (BYP-03) */
};

struct policy_points {
	int points;
	struct verdict verdict;		/* for the check that weighed most; set when points > 0 */
};

/* *p begins anew with the name ... */
void policy_helo(const struct policy_helo *f, const struct policy_weights *w, struct policy_points *p, struct buf *why);
/* ... and the sender's domain (empty for the null reverse-path) is added. */
void policy_sender_domain(struct span domain, enum policy_dns dns, const struct policy_weights *w,
	struct policy_points *p, struct buf *why);
/*
 * ... and, once the header of a gateway's message is here, what the server behind
 * it said in HELO there.  f NULL: that server is not known.
 */
void policy_origin(const struct policy_helo *f, const struct policy_weights *w, struct policy_points *p,
	struct buf *why);

/*
 * What the points mean for a whole message: 250, or the verdict of the check that
 * weighed most.  is_wanted: there is a recipient for whom the checks are made.
 */
struct verdict policy_points_verdict(const struct policy_points *p, const struct policy_weights *w, bool is_wanted,
	struct buf *why) PB_MUST_CHECK;

#endif
