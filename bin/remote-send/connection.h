/*
 * connection: one SMTP connection to another host, from greeting to QUIT
 * (RFC 5321, RFC 3207), and the agent's options for it.
 *
 * Every wait has an absolute deadline.  Every reply is bounded (smtp/reply.h);
 * what is not a reply ends the connection.
 */
#ifndef REMOTE_SEND_CONNECTION_H
#define REMOTE_SEND_CONNECTION_H

#include "base/base.h"
#include "base/verdict.h"
#include "io/stream.h"
#include "job.h"
#include "mx.h"
#include "net/tls_verify.h"
#include "secure.h"
#include "service/service.h"
#include "smtp/reply.h"

/* From the settings; the same for all agents. */
struct options {
	struct service *svc;
	const struct self *self;
	bool tls_available;		/* setting tlsIfSupported */
	struct tls_rules *tls_rules;
	struct tls_client *tls;		/* for hosts that need prove nothing: old versions too */
	struct tls_client *tls_proof;	/* for the others; the same CAs */
	struct addr from_v4, from_v6;	/* local addresses; family 0: the system chooses */
	bool fall_back;			/* to the system's choice when that address fails */
	uint64_t command_ms;		/* longest wait for a reply */
	uint64_t data_ms;		/* ... to a whole message */
	unsigned messages_max;		/* over one connection */
};

struct connection {
	const struct options *o;
	struct stream io;
	bool is_open;
	struct target to;
	struct smtp_ehlo ehlo;
	struct smtp_reply reply;	/* the last one */
	char ip[ADDR_TEXT_MAX];
	const char *ticket;		/* of the message on its way, for the log; "" between */
	struct secured secured;
	bool is_gateway;		/* one that the settings name */
	char user[LIMIT_LOGIN_NAME + 1];	/* who we are logged in as; "": not */
	struct target_report report;	/* of the last connection_open */
	unsigned messages;		/* offered over it */
	uint64_t cutoff;		/* clock_ms that no wait for a reply passes; UINT64_MAX: none */
};

/*
 * Connect, read the greeting, say EHLO (or HELO), start TLS as `need` says.  Where
 * it is not needed, a handshake that fails leads to a second connection in clear
 * text.  At a gateway with a user name then log in.  True when ready for MAIL.  Else the connection is closed and *why is the
 * verdict; *is_self is set when the other end turned out to be this server.
 */
bool connection_open(struct connection *c, const struct target *to, const struct tls_need *need,
	struct verdict *why, bool *is_self) PB_MUST_CHECK;

/* Is it to that target, and logged in as need wants it?  How it is protected is another question. */
bool connection_leads_to(const struct connection *c, const struct target *to,
	const struct tls_need *need) PB_MUST_CHECK;

/*
 * Send the command line in `line` (with CRLF), later to be flushed; what the
 * log shows is the line itself.
 */
void connection_say(struct connection *c, struct span line);
/* The same; the log shows `shown` instead. */
void connection_say_hidden(struct connection *c, struct span shown, struct span line);

/*
 * Read one reply into c->reply, waiting wait_ms at most.  False: the
 * connection is closed and *why says so (timed out, closed, no reply).
 */
bool connection_hear(struct connection *c, uint64_t wait_ms, struct verdict *why) PB_MUST_CHECK;

/* A short QUIT if the other end can still hear it; the connection is closed. */
void connection_quit(struct connection *c);
/* Closed without a word. */
void connection_drop(struct connection *c);

#endif
