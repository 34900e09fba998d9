/*
 * limits: is there room in a mailbox for one more message?  (USER-03)
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
 * below domains, which is that of `address`?  *is_limited: it must be counted.
 */
bool limits_allow(struct limits *l, int domains, const char *path, struct span address, int message,
	bool *is_limited) PB_MUST_CHECK;

/*
 * Look again at mailboxes that are nearly full (not with domains < 0), and tell
 * auth-check.  True while there are any: to be called every NEARLY_FULL_MS then.
 */
bool limits_look(struct limits *l, int domains);

/* It was. */
void limits_count(int domains, const char *path, int message);

#endif
