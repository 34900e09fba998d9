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
#include "net/tls.h"
#include "service/service.h"
#include "smtp/reply.h"

/* From the settings; the same for all agents. */
struct options {
	struct service *svc;
	const struct self *self;
	struct tls_client *tls;		/* NULL: tlsIfSupported is off */
	struct tls_client *tls_verify;	/* for what may go over verified TLS only (RFC 8689); NULL: none */
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
	bool is_verified;		/* TLS, and the certificate names the host */
	unsigned messages;		/* offered over it */
	uint64_t cutoff;		/* clock_ms that no wait for a reply passes; UINT64_MAX: none */
};

/*
 * Connect, read the greeting, say EHLO (or HELO), start TLS if offered; a
 * handshake that fails leads to a second connection in clear text.  With
 * `verify` there is no clear text: without TLS and a certificate that names the
 * host the connection fails (5.7.10).  True when ready for MAIL.  Else the connection is closed and *why is the verdict;
 * *is_self is set when the other end turned out to be this server.
 */
bool connection_open(struct connection *c, const struct target *to, bool verify, struct verdict *why,
	bool *is_self) PB_MUST_CHECK;

/*
 * Send the command line in `line` (with CRLF), later to be flushed; what the
 * log shows is the line itself.
 */
void connection_say(struct connection *c, struct span line);

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
