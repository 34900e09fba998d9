/*
 * abuse_client: ask abuse-check whether an address may talk to us, and tell it
 * what the address did.
 *
 * One client is one SOCK_SEQPACKET connection to the socket "abuse", made by
 * a worker after its change of uid.  abuse-check counts an admitted session as open
 * until abuse_close, or until the connection ends, so a killed worker leaves
 * nothing behind.
 *
 * The first that abuse-check says is a descriptor of the table of present
 * blocks; a blocked address is refused from it without a question.  Nobody waits for
 * it.  Everything fails open: a daemon that is down, or silent for
 * ABUSE_WAIT_MS (ABUSE_HELLO_MS if it never spoke), means that mail flows and
 * abuse_is_lost says so; the caller logs it and ends its worker after the session.
 */
#ifndef CHECK_ABUSE_CLIENT_H
#define CHECK_ABUSE_CLIENT_H

#include "base/base.h"
#include "base/span.h"
#include "net/addr.h"

#define ABUSE_WAIT_MS 2000
#define ABUSE_HELLO_MS 500

struct abuse_client;

/* fd is a connected socket and then owned; -1: abuse-check cannot be reached. */
struct abuse_client *abuse_new(int fd);
void abuse_free(struct abuse_client **c);

/* abuse-check could not be reached, or was lost: nothing is asked or counted any more. */
bool abuse_is_lost(const struct abuse_client *c);

/*
 * From the table of blocks alone, without a question, as far as it has come by now: is the
 * address blocked for the service ("smtp", "pop3", "imap")?
 */
bool abuse_is_blocked(struct abuse_client *c, const char *service, const struct addr *ip);

/*
 * May a session of `service` with `ip` (text of an IPv4 or IPv6 address) begin?
 * False: refuse it (421 4.7.0, -ERR, * BYE) with the reason, one line without
 * codes, in `why` (size bytes).  is_white: the address is on the whitelist of the
 * service; blocks, which are of whole networks in IPv6, do not hold for it.
 * is_limited: the sessions of one address are limited; if not, the table of
 * blocks is enough to decide, and abuse-check is told instead of asked.
 */
bool abuse_admit(struct abuse_client *c, const char *service, const char *ip, bool is_white, bool is_limited,
	char *why, size_t size) PB_MUST_CHECK;
/* The reason that goes with a block. */
#define ABUSE_BLOCKED_TEXT "Your address is blocked for some time"

/* What it would say by lists and blocks; nothing is counted and no session begins. */
bool abuse_would_admit(struct abuse_client *c, const char *service, const char *ip, char *why, size_t size) PB_MUST_CHECK;

/*
 * The admitted session is over; `bad` when an SMTP session sent no message, or
 * tried too many recipients that do not exist (ABUSE-06, SMTPIN-13).
 */
void abuse_close(struct abuse_client *c, bool bad);
/* No session follows at once: what abuse_close held back is told. */
void abuse_rest(struct abuse_client *c);

/*
 * A log-in of `user` (as auth-check spells it; may be hostile) failed.  Returns the
 * milliseconds to wait before the answer: 0 while few failed, then 2, 4, 8, 15 s.
 */
uint32_t abuse_login_failed(struct abuse_client *c, const char *service, const char *ip, struct span user);

/*
 * The admitted session is now that of `user`, a canonical address, who logged in.
 * False: he has as many sessions of the service as he may; `why` as for abuse_admit.
 */
bool abuse_enter(struct abuse_client *c, const char *service, const char *ip, const char *user, char *why,
	size_t size) PB_MUST_CHECK;

/* The session goes on, but is nobody's any more: what was said in it does not count. */
void abuse_leave(struct abuse_client *c);

/* A log-in of `user` succeeded: this address is spared delays when it fails for that user. */
void abuse_login_good(struct abuse_client *c, const char *service, const char *ip, struct span user);

/*
 * A message of somebody we relay for was accepted (ABUSE-10): `from` is the
 * account, or "" for somebody known by address alone; size in bytes as it was received.
 * It is told with the next thing that is told, at the latest with abuse_close.
 */
void abuse_message(struct abuse_client *c, const char *service, const char *ip, struct span from, uint64_t size);

#endif
