/*
 * request: what a listener's worker says to abuse-check.  Pure.
 *
 * Trust: workers talk to the world and may have been taken over: every field is
 * checked here, and nobody else looks into the record.
 */
#ifndef ABUSE_CHECK_REQUEST_H
#define ABUSE_CHECK_REQUEST_H

#include "base/base.h"
#include "base/record.h"
#include "net/addr.h"

enum request_kind {
	REQUEST_CONNECT,	/* connect service= ip= */
	REQUEST_BEGAN,		/* began service= ip=: the same, but nobody waits for an answer */
	REQUEST_WOULD,		/* would service= ip= */
	REQUEST_CLOSE,		/* close bad= [service= ip= [from=] size=]: with the last message */
	REQUEST_LOGIN_FAILED,	/* event kind=login-failed service= ip= [user=] */
	REQUEST_LOGIN_GOOD,	/* event kind=login-good service= ip= [user=] */
	REQUEST_ENTER,		/* enter service= ip= user=: the session is that user's from now on */
	REQUEST_LEAVE,		/* leave: ... and from now on nobody's */
	REQUEST_MESSAGE,	/* message service= ip= [from=] size= */
	REQUEST_SPEND,		/* spend size= limit=MESSAGES MB BOUNCES WHO ...: may one message more be sent? */
	REQUEST_BOUNCED,	/* bounced user=: a message with a null sender came to that mailbox */
	REQUEST_UNKNOWN		/* another verb: the caller has no right to it */
};

/* What somebody may send in a clock hour; 0: no limit. */
struct request_limit {
	uint64_t messages, mb, bounces;
	struct span who;	/* an account, a domain or a list; borrowed, LIMIT_ADDRESS at most */
};
#define REQUEST_LIMITS 3

struct request {
	enum request_kind kind;
	int service;		/* enum abuse_service */
	bool has_ip;		/* else the session is local */
	struct addr ip;
	bool is_bad;		/* of close */
	struct span name;	/* user or from; borrowed from the record, LIMIT_LOGIN_NAME at most */
	bool has_message;	/* of close */
	uint64_t size;		/* of a message, in bytes */
	struct request_limit limit[REQUEST_LIMITS];
	size_t limit_count;
};

/* Fields of one record. */
#define REQUEST_FIELDS 8

/* False when it is malformed. */
bool request_read(const struct record *r, struct request *out) PB_MUST_CHECK;

#endif
