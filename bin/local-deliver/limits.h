/*
 * limits: is there room in a mailbox, and in its domain, for one more message?
 * (USER-03, LIMIT-01)
 *
 * The limit of a mailbox is a setting, which auth-check knows and is asked for; its use
 * is the Maildir's own (store/quota.h) and only looked at when there is a
 * limit.  Answers of auth-check are kept for LIMITS_KEEP_MS, so that mailboxes without
 * a limit cost one look into a table of fixed size.
 *
 * A limit is a brake and not a promise: while auth-check is away mail is
 * delivered without it.  A message that was delivered, but whose
 * answer a crash lost, counts when it is tried again.
 */
#ifndef LOCAL_DELIVER_LIMITS_H
#define LOCAL_DELIVER_LIMITS_H

#include "base/base.h"
#include "base/span.h"

#define LIMITS_KEEP_MS 60000

struct limits;
struct service;

struct limits *limits_new(struct service *svc);

/*
 * May the message behind descriptor `message` be put into the Maildir at `path`
 * below domains, which is that of `address`?  *is_limited: the mailbox counts it.
 *
 * A full domain still takes mail of up to LIMIT_POSTMASTER bytes for who gets
 * postmaster's mail there (RFC 5321 4.5.1), so that he can be told of it.
 */
enum limits_answer { LIMITS_ROOM, LIMITS_MAILBOX_FULL, LIMITS_DOMAIN_FULL };
enum limits_answer limits_allow(struct limits *l, int domains, const char *path, struct span address, int message,
	bool *is_limited) PB_MUST_CHECK;

/*
 * Look again at mailboxes that are nearly full (not with domains < 0), and tell
 * auth-check of them and of what was delivered.  True while there is anything: to be
 * called every NEARLY_FULL_MS then.
 */
bool limits_look(struct limits *l, int domains);

/* It was. */
void limits_count(struct limits *l, int domains, const char *path, struct span address, int message, bool is_limited);

#endif
