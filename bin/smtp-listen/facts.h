/*
 * facts: what lib/policy is told of a client and its envelope, found out from
 * the settings and the owners of state; each is asked only when it counts.
 *
 * Functions that return bool say false when the directory is gone: the caller
 * then says reply_lost, unless the function has replied.  Nothing here is kept:
 * what is found goes into *c, and arguments are borrowed for the call.
 */
#ifndef SMTP_LISTEN_FACTS_H
#define SMTP_LISTEN_FACTS_H

#include "base/base.h"
#include "smtp.h"

/* Room for the lines of one decision: a few, each with at most one address, escaped. */
#define FACTS_WHY_SIZE (12 * LIMIT_ADDRESS)

/* The envelope checks of the name the client gave, into c->points. */
void facts_helo(struct smtp *c);
/* ... and of the sender's domain, into c->t.points. */
void facts_sender_domain(struct smtp *c, const struct smtp_mail *mail);

/*
 * Mail of a gateway that is judged by where it came from (BYP-03): the checks of
 * the server at c->t.origin, which gave that name in HELO (SPAN_NONE: nobody
 * knows), on top of c->t.points.  250, or a refusal.
 */
struct verdict facts_origin(struct smtp *c, struct span helo) PB_MUST_CHECK;

/* The log line of a question to scan-check that nobody could answer. */
void facts_not_known(struct smtp *c, const char *about);

/* Is the sender on the administrator's list (BLKS-01)? */
bool facts_is_blocked(const struct smtp *c, struct span address);

/* Somebody logged in: a password that is another one later ends the session. */
void facts_log_in(struct smtp *c);

/* Limits of who logged in (LIMIT-07, LIMIT-08), into c->t; false: replied, and the session is over. */
bool facts_account(struct smtp *c) PB_MUST_CHECK;

/* Mail for the address was refused because its domain, one of ours, has no room. */
void facts_domain_refused(struct smtp *c, struct span address);

/* Does the domain of the sender of this transaction want a log-in (DOM-18)?  Asked once. */
bool facts_sender_needs_login(struct smtp *c, struct span domain, bool *needs_out) PB_MUST_CHECK;

#endif
