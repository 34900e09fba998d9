/*
 * smtp_in: what a client may do, from its connection to the end of a message.
 *
 * The room lib/policy decides: facts in, verdict out.  No I/O, no clock, no
 * log, so that a daemon, `mailctl try` and `mailctl replay` decide alike.
 *
 * A decision is a sum (sum.h): the request is granted when the total is not
 * negative.  The text of the verdict names the first fact that spoke against
 * it.  `why` gets the lines and may be NULL.
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

/* A connection: 220, 421 or 554. */
struct policy_connect {
	bool is_local;			/* a local socket is never refused */
	bool is_white;			/* on the whitelist, which beats the blacklist */
	bool is_black, in_reserve;	/* on the blacklist; only reserved places are left */
	bool is_trusted;		/* opens the door for both ... */
	bool needs_login;		/* ... and a port where users log in for the reserve ... */
	bool ignores_black;		/* ... and that of submissionBinding for the blacklist */
	bool is_early, refuses_early;	/* it spoke before the greeting; setting earlyTalkers */
	struct span refusal;		/* why abuse-check refuses the address; empty: it does not */
};
struct verdict policy_connect(const struct policy_connect *f, struct buf *why) PB_MUST_CHECK;

/* MAIL FROM, and the From field of the message. */
struct policy_sender {
	struct policy_client client;
	struct span address;		/* canonical; empty: the null reverse-path */
	enum policy_match match;
	bool may_send_as;		/* the directory says that user may use address */
	bool needs_login;		/* the domain of the address is ours and wants a log-in ... */
	bool local_needs_login;		/* ... also for mail to us: setting authForLocalDelivery */
	bool is_blocked;		/* setting blockedSenders */
};

/* 250, 530 5.7.0, 550 5.7.1 or 553 5.7.1. */
struct verdict policy_sender(const struct policy_sender *f, struct buf *why) PB_MUST_CHECK;

/*
 * The From field: 250 or 550 5.7.1.  Only match and client count; `address` is
 * empty when the field is missing or does not hold exactly one address.
 */
struct verdict policy_header_from(const struct policy_sender *f, struct buf *why) PB_MUST_CHECK;

/* The size of a message, as declared at MAIL or as received. */
struct policy_size {
	uint64_t size;			/* bytes; 0: not known yet */
	uint64_t server_max;		/* bytes; 0: no limit, as the next */
	uint64_t user_max;		/* of the domain of who logged in */
	bool room_known;
	uint64_t room;			/* bytes that the spool takes before its reserve is touched */
};

/* 250, 552 5.3.4 or 452 4.3.1. */
struct verdict policy_size(const struct policy_size *f, struct buf *why) PB_MUST_CHECK;

/* Why mail for a recipient may be ours to take. */
enum policy_place {
	POLICY_PLACE_FOREIGN,		/* it is not */
	POLICY_PLACE_LOCAL,		/* a mailbox or an alias */
	POLICY_PLACE_FORWARD,		/* the domain is passed on (setting domainForwarding) */
	POLICY_PLACE_BACKUP		/* we stand in for one of its MX hosts (setting smartHosts) */
};

/* What somebody says about the recipient of a domain that is not in our directory. */
enum policy_known { POLICY_KNOWN_UNASKED, POLICY_KNOWN_YES, POLICY_KNOWN_NO, POLICY_KNOWN_SILENT };

struct policy_rcpt {
	struct policy_client client;
	enum policy_place place;
	bool place_unknown;		/* foreign, but DNS could not be asked whether we are its backup MX */
	bool no_checks;			/* the gateway behind wants no envelope checks (spamChecks) */
	const struct verdict *refusal;	/* the directory's, for a recipient of ours; NULL: none */
	struct span leads_to;		/* of ours: the mailbox, or the alias, that it is */
	bool is_alias;
	bool is_postmaster;		/* RFC 5321 4.5.1: always taken */
	enum policy_relay allow_relay;
	bool allow_relay_authenticated;
	bool sender_is_user;		/* the sender is a mailbox of ours */
	bool sender_is_domain;		/* the sender's domain is ours */
	bool sender_needs_login;	/* ... and wants its senders to log in (requireSmtpAuth), but for local recipients */
	enum policy_known listed;	/* in the list of valid recipients of its domain */
	enum policy_known verified;	/* by the server that the domain belongs to */
	struct span callout;		/* that server's words when it refused */
	uint64_t count;			/* recipients taken before this one */
	uint64_t count_max;		/* 0: no limit */
	uint64_t room, size;		/* bytes left for the recipient, and declared; with room_known */
	bool room_known;
	bool domain_full;		/* the room is its domain's, not the mailbox's own */
	int points;			/* of the envelope checks, see envelope.h ... */
	int points_max;			/* ... refused from here on; 0: never */
	const struct verdict *points_verdict;	/* what to say then */
};

/* Does the message not fit, by room and size? */
bool policy_is_full(const struct policy_rcpt *f);

/* 250, 452 4.5.3, 530 5.7.0, 550 5.7.1 (no relay), 550 5.1.1, 552 5.2.2, or points_verdict. */
struct verdict policy_rcpt(const struct policy_rcpt *f, struct buf *why) PB_MUST_CHECK;

/*
 * Room for a message as received, for one of its recipients: 250 or 552 5.2.2.
 * Only room, size, room_known and domain_full count.
 */
struct verdict policy_room(const struct policy_rcpt *f, struct buf *why) PB_MUST_CHECK;

/* The hops of a received message: 250 or 554 5.4.6. */
struct policy_trace {
	unsigned received, received_max;	/* Received lines, setting maxHopCount */
	unsigned own, own_max;			/* those that this server wrote */
};
struct verdict policy_trace(const struct policy_trace *f, struct buf *why) PB_MUST_CHECK;

#endif
