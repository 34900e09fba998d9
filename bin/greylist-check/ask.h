/*
 * ask: what the threads ask of auth-check and scan-check.
 *
 * A few lines to each, used by one thread at a time.  Whoever is gone or silent is
 * tried again after some seconds, and meanwhile unknown: nothing waits for it.
 */
#ifndef GREYLIST_CHECK_ASK_H
#define GREYLIST_CHECK_ASK_H

#include "base/base.h"
#include "base/limits.h"
#include "base/span.h"
#include "directory/directory.h"
#include "net/addr.h"

/* Longest wait for auth-check, and before that for a line to it. */
#define ASK_DIRECTORY_MS 1000

/* Longest wait for SPF: the client hears nothing for so long. */
#define ASK_SPF_MS 1000

void ask_init(void);

/* As directory_greylist. */
enum directory_greylist ask_recipient(struct span recipient, struct span sender,
	char canonical[LIMIT_ADDRESS + 1]) PB_MUST_CHECK;

/* Call fn for each mailbox that an address leads to until it returns true; whether it did. */
typedef bool ask_mailbox_fn(const char *mailbox, void *ctx);
bool ask_mailboxes(struct span recipient, ask_mailbox_fn *fn, void *ctx) PB_MUST_CHECK;

/*
 * Does SPF pass for the domain of sender (not empty), sent from this address?  Within
 * ASK_SPF_MS; what is not known by then does not pass, and is logged.
 */
bool ask_spf(const char *ticket, const struct addr *client, struct span helo, struct span sender) PB_MUST_CHECK;

/*
 * Has the domain an MX host with an address in the range?  1, 0, or -1 when it is not known
 * within ASK_MX_MS, which is logged.
 */
#define ASK_MX_MS 1000
int ask_mx(const char *ticket, const struct addr *client, struct span domain,
	const struct addr_range *range) PB_MUST_CHECK;

#endif
