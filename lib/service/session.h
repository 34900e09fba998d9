/*
 * session: what one connection is for the function that serves it.
 *
 * Made by lib/service, in a worker of the pool or on fd 0/1, and gone when
 * the session function returns: it owns nothing in here except what it puts
 * into `ctx` itself.
 */
#ifndef SERVICE_SESSION_H
#define SERVICE_SESSION_H

#include "base/base.h"
#include "io/stream.h"
#include "net/addr.h"

struct service;
struct score;

#define SESSION_TICKET_DIGITS 12

struct session {
	struct service *svc;
	struct stream io;	/* no deadline yet: set one before the first read */
	struct addr peer;	/* a Unix socket has no address: is_local is true */
	struct addr local;
	bool is_local;		/* over a Unix socket, see peer_uid */
	uid_t peer_uid;		/* of the caller of a Unix socket; (uid_t)-1 else */
	const char *listener;	/* smtp, submission, smtps, pop3, pop3s, imap, imaps, unix.NAME */
	char ip[ADDR_TEXT_MAX];		/* of the peer as text, "local" for a Unix socket */
	char ticket[SESSION_TICKET_DIGITS + 1];	/* unique across restarts */
	bool tls;		/* for the session function: TLS is active */
	bool ends_worker;	/* set by the session function: a user logged in here */
	struct score *score;	/* shared with the parent; never NULL */
	void *ctx;		/* the program's own */
};

/*
 * Serve one connection; returning ends it.  What the stream still holds is
 * flushed within its deadline, and the connection is closed.
 */
typedef void session_call(struct session *s);

/* Show state to `mailctl connections`: user "" before log-in; cut when longer. */
void session_show(struct session *s, const char *state, const char *user);

#endif
