/*
 * abuse_client: ask abuse-check whether an address may talk to us, and tell it
 * what the address did.
 *
 * One client is one SOCK_SEQPACKET connection to the socket "abuse", made by
 * a worker after its change of uid.  abuse-check counts an admitted session as open
 * until abuse_close, or until the connection ends, so a killed worker leaves
 * nothing behind.
 *
 * On connect abuse-check passes a descriptor of the table of present blocks;
 * a blocked address is refused from it without a question.  Everything fails
 * open: a daemon that is down, or silent for ABUSE_WAIT_MS, means that mail
 * flows.
 */
#ifndef CHECK_ABUSE_CLIENT_H
#define CHECK_ABUSE_CLIENT_H

#include "base/base.h"
#include "base/span.h"

#define ABUSE_WAIT_MS 2000

struct abuse_client;

/* fd is a connected socket and then owned (-1: always fails open). Waits for the table. */
struct abuse_client *abuse_new(int fd);
void abuse_free(struct abuse_client **c);

/*
 * May a session of `service` ("smtp", "pop3", "imap") with `ip` (text of an IPv4
 * or IPv6 address) begin?  False: refuse it (421 4.7.0, -ERR, * BYE) with
 * the reason, one line without codes, in `why` (size bytes).
 */
bool abuse_admit(struct abuse_client *c, const char *service, const char *ip, char *why, size_t size) PB_MUST_CHECK;

/* What it would say by lists and blocks; nothing is counted and no session begins. */
bool abuse_would_admit(struct abuse_client *c, const char *service, const char *ip, char *why, size_t size) PB_MUST_CHECK;

/* The admitted session is over; `bad` when an SMTP session sent no message (ABUSE-06). */
void abuse_close(struct abuse_client *c, bool bad);

/*
 * A log-in of `user` (as it was given; may be hostile) failed.  Returns the
 * milliseconds to wait before the answer: 0 while few failed, then 2, 4, 8, 15 s.
 */
uint32_t abuse_login_failed(struct abuse_client *c, const char *service, const char *ip, struct span user);

/* A log-in succeeded: the address's window of failures begins anew. */
void abuse_login_good(struct abuse_client *c, const char *service, const char *ip);

#endif
