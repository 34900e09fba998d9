/*
 * filter: the milters of a session, asked in their order at every step.
 *
 * A milter that cannot be asked is treated as its failMode says, and left out
 * until the next session.  Functions that return bool have replied when they
 * return false.  Spans and verdicts are borrowed for the call.
 */
#ifndef SMTP_LISTEN_FILTER_H
#define SMTP_LISTEN_FILTER_H

#include "base/base.h"
#include "base/verdict.h"
#include "smtp/command.h"

struct smtp;
struct service;
struct config;
struct filters;

/*
 * For the milters of the settings; NULL when there are none.  Made once in a worker
 * and never freed; `config` must live as long.
 */
struct filters *filters_new(const struct config *config);

bool filter_connect(struct smtp *c) PB_MUST_CHECK;
bool filter_helo(struct smtp *c) PB_MUST_CHECK;
bool filter_mail(struct smtp *c, struct span args) PB_MUST_CHECK;
bool filter_rcpt(struct smtp *c, const struct smtp_rcpt *rcpt, struct span args) PB_MUST_CHECK;

/* The server refused the recipient itself: milters that want to know are told. */
void filter_refused_rcpt(struct smtp *c, const struct smtp_rcpt *rcpt, struct span args, const struct verdict *why);
/* Before 354, and before the first BDAT is taken. */
bool filter_data(struct smtp *c) PB_MUST_CHECK;
/* A line that is no command. */
bool filter_unknown(struct smtp *c, struct span line) PB_MUST_CHECK;

enum filter_result { FILTER_PASS, FILTER_REFUSED, FILTER_DISCARD };
/*
 * The message is whole and scanned; milters may change it.  FILTER_REFUSED:
 * *out is the reply, for filter_reply.
 */
enum filter_result filter_message(struct smtp *c, struct verdict *out) PB_MUST_CHECK;

/*
 * The reply of a milter in its own words, perhaps in several lines, the ticket at
 * their end; 421 also ends the session (RFC 5321 3.8).  Any other verdict as it is.
 */
void filter_reply(struct smtp *c, const struct verdict *v);

/* The transaction ends without filter_message. */
void filter_abort(struct smtp *c);
/* The session ends: connections that a milter agrees to keep serve the next one. */
void filter_end(struct smtp *c);

#endif
