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
#include "service/gate.h"

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
	const char *listener;	/* smtp, smtp-tls, submission, smtps, pop3, pop3s, imap, imaps, unix.NAME */
	char ip[ADDR_TEXT_MAX];		/* of the peer as text, "local" for a Unix socket */
	char ticket[SESSION_TICKET_DIGITS + 1];	/* unique across restarts */
	bool tls;		/* for the session function: TLS is active */
	unsigned proxy_lines;	/* for gate.c: how much of a PROXY header its first lines are */
	bool lingers;		/* set by the session function: its last words are news to the client */
	bool ends_worker;	/* set by the session function: a user logged in here */
	struct score *score;	/* shared with the parent; never NULL */
	enum gate_standing standing;	/* of the peer on the lists of this service */
	bool is_known;		/* whitelisted, local or, set by the session function, trusted: keeps its
				 * time and its place when the pool is crowded, as do users */
	bool in_reserve;	/* only places that are kept for the known are left, this one included */
	void *ctx;		/* the program's own */
};

/*
 * Serve one connection; returning ends it.  What the stream still holds is
 * flushed within its deadline, and the connection is closed.
 */
typedef void session_call(struct session *s);

/* Longest silence of a stranger while the pool is crowded, whatever the settings say. */
#define SESSION_CROWDED_MS 10000

/*
 * Wait until the client says something, at most ms, and less while the pool is
 * crowded and this is a stranger's session.  LINE_OK when input is buffered.
 * LINE_TIMEOUT also when the session was chosen to make place for another: see
 * session_was_ended.
 */
enum stream_result session_wait(struct session *s, uint64_t ms) PB_MUST_CHECK;
/* The parent wants this place: say that the server is busy, not that the client was slow. */
bool session_was_ended(const struct session *s);

/* The pool is crowded and this is a stranger: its time is short. */
bool session_is_pressed(const struct session *s);

/* A time from the settings, or less when the pool is crowded and this is a stranger. */
uint64_t session_patience(const struct session *s, uint64_t ms);
/* The same for a number of errors (0: no limit). */
uint64_t session_tolerance(const struct session *s, uint64_t errors);

/* A proxy speaks for this client: the session goes on as if it had connected itself. */
void session_set_ends(struct session *s, const struct addr *peer, const struct addr *local);

/* event=connect: which of our addresses and ports was reached; a local socket has none. */
void session_log_connect(const struct session *s);

/* Show state to `mailctl connections`: user "" before log-in; cut when longer. */
void session_show(struct session *s, const char *state, const char *user);

#endif
