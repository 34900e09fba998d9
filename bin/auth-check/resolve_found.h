/*
 * resolve_found: what an address means, before anybody is told.
 */
#ifndef AUTH_CHECK_RESOLVE_FOUND_H
#define AUTH_CHECK_RESOLVE_FOUND_H

#include "resolve.h"

enum meaning { IS_FOREIGN, IS_MAILBOX, IS_ALIAS, IS_DISABLED, IS_UNKNOWN, IS_NOBODY };

/* What an address means; `canonical` for all but foreign and unknown. */
struct found {
	enum meaning meaning;
	struct address address;
	struct account account;		/* a mailbox */
	char canonical[LIMIT_ADDRESS + 1];
	char full[LIMIT_ADDRESS + 1];	/* the same, with the detail when it is a mailbox named with one */
};

/* False when text is no address; else what it means. */
bool resolve_meaning(struct resolver *rs, const char *text, struct found *f) PB_MUST_CHECK;
/* The same for a key from outside. */
bool resolve_key(struct resolver *rs, struct span key, struct found *f) PB_MUST_CHECK;
/* Is it the domain that is disabled, and not the account alone?  canonical always has an @. */
bool resolve_in_disabled_domain(struct resolver *rs, const char *canonical);

/* True when the answer is written to out: foreign, refused or nobody. */
bool resolve_refused(const struct found *f, struct buf *out);
/* The answer to a key that is no address: its domain decides whether it is ours to refuse. */
void resolve_refused_key(struct resolver *rs, struct span key, struct buf *out);

/*
 * All that an alias stands for: "OK KIND:ADDRESS ..." into out, or "PERM ...".
 * accounts_only: mailboxes without detail: who they are, not where mail goes.
 */
void resolve_members(struct resolver *rs, const struct found *f, bool accounts_only, struct buf *out);

#endif
