/*
 * smtp_in: what a client may do with the envelope of a message.
 *
 * The room lib/policy decides: facts in, verdict out.  No I/O, no clock, no
 * log, so that a daemon, `mailctl try` and `mailctl replay` decide alike.
 *
 * A decision is a sum.  Each fact that speaks for or against has a weight and
 * leaves one line `name value weight total`; the request is granted when the
 * total is not negative.  The text of the verdict names the first fact that
 * spoke against it.
 */
#ifndef POLICY_SMTP_IN_H
#define POLICY_SMTP_IN_H

#include "base/base.h"
#include "base/buf.h"
#include "base/span.h"
#include "base/verdict.h"

enum policy_relay {
	POLICY_RELAY_NOBODY,		/* values of the setting allowRelay */
	POLICY_RELAY_LOCAL_USERS,
	POLICY_RELAY_LOCAL_DOMAINS,
	POLICY_RELAY_ANYONE
};

enum policy_match {
	POLICY_MATCH_NONE,		/* values of the setting requireAuthMatch */
	POLICY_MATCH_DOMAIN,
	POLICY_MATCH_ADDRESS
};

/* What is known of the client, the same for the whole transaction. */
struct policy_client {
	struct span user;		/* who logged in, a canonical address; empty: nobody */
	bool is_trusted;		/* by address or by local socket: as if logged in */
	bool needs_login;		/* the listener asks for a log-in (submission) */
};

/* MAIL FROM, and the From field of the message. */
struct policy_sender {
	struct policy_client client;
	struct span address;		/* canonical; empty: the null reverse-path */
	enum policy_match match;
	bool may_send_as;		/* the directory says that user may use address */
	bool is_local_domain;		/* the address is in one of our domains */
	bool local_needs_login;		/* setting authForLocalDelivery */
	bool is_blocked;		/* setting blockedSenders */
};

/* 250, 530 5.7.0 or 553 5.7.1. `why` gets the lines and may be NULL. */
struct verdict policy_sender(const struct policy_sender *f, struct buf *why) PB_MUST_CHECK;

/*
 * The From field: 250 or 550 5.7.1.  Only match and client count; `address` is
 * empty when the field is missing or does not hold exactly one address.
 */
struct verdict policy_header_from(const struct policy_sender *f, struct buf *why) PB_MUST_CHECK;

struct policy_rcpt {
	struct policy_client client;
	bool is_ours;			/* the directory has this recipient */
	bool is_postmaster;		/* RFC 5321 4.5.1: always taken */
	enum policy_relay allow_relay;
	bool allow_relay_authenticated;
	bool sender_is_user;		/* the sender is a mailbox of ours */
	bool sender_is_domain;		/* the sender's domain is ours */
};

/* 250, 530 5.7.0 (log in first) or 550 5.7.1 (no relay). */
struct verdict policy_rcpt(const struct policy_rcpt *f, struct buf *why) PB_MUST_CHECK;

#endif
