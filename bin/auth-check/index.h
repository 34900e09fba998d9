/*
 * index: what auth-check knows of accounts, in state/auth-check/directory.db.
 *
 * It is an index of the XML files, which are the truth, and can be lost.  Keys
 * (names in small letters; "/" is in no domain and no user name):
 *
 *	d/DOMAIN	a domain's settings and the stamp of its file
 *	n/NAME		domain of which NAME is another name
 *	m/DOMAIN/NAME	the same from the other side, to find them again
 *	u/DOMAIN/USER	an account's secrets and settings, with the stamp of its file
 *	a/DOMAIN/NAME	targets of an alias, comma separated
 *	t/DOMAIN/USER/PATTERN, t/DOMAIN//PATTERN	trusted senders of a user, of a domain
 *	q/DOMAIN	how much mail it holds (spaces.h)
 *	s/NAME		stamps and secrets of our own ("s/list", "s/aliases/DOMAIN", "s/pepper")
 *
 * Every value but n, m and t is a text record.  A failure of the database ends the
 * process (exit 75): the supervisor restarts it, and lib/state begins anew
 * when that happens twice in a row.
 */
#ifndef AUTH_CHECK_INDEX_H
#define AUTH_CHECK_INDEX_H

#include "base/base.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/span.h"
#include "directory/sending.h"

#define INDEX_SECRET_MAX 512

/* What tells one version of a file from another; all zero when there is none. */
struct stamp {
	uint64_t mtime_ns, size, inode;
};

struct account {
	struct stamp stamp;
	bool disabled;
	bool no_greylisting;
	uint64_t limit_mb;			/* space of the mailbox; 0: no limit */
	uint32_t sending[SENDING_USER_NUMBERS];
	char address[LIMIT_ADDRESS + 1];	/* canonical: USER@DOMAIN */
	char hash[INDEX_SECRET_MAX + 1];	/* "" when it has none: no log-in by it */
	char scram[INDEX_SECRET_MAX + 1];	/* SCRAM-SHA-256 */
	char scram1[INDEX_SECRET_MAX + 1];	/* SCRAM-SHA-1 */
	char cram[65];
};

/* A key of a domain for DKIM. */
#define INDEX_SELECTOR_MAX 63
#define INDEX_KEY_PATH_MAX 255
struct domain_key {
	char selector[INDEX_SELECTOR_MAX + 1];	/* "": there is none */
	char path[INDEX_KEY_PATH_MAX + 1];	/* relative to the domain's folder */
};

struct domain {
	struct stamp stamp;
	bool disabled;
	bool require_auth;
	bool no_greylisting;
	bool catch_alls;
	uint64_t max_size_kb, max_rcpts;	/* of a message that a user sends; 0: no limit */
	uint64_t space_mb;			/* for all mail of the domain; 0: no limit */
	uint32_t sending[SENDING_NUMBERS];
	bool offers_cram, offers_scram, offers_scram1;	/* secrets of these mechanisms count */
	bool no_plain;				/* no log-in with the password itself */
	char name[LIMIT_DOMAIN + 1];
	char folder[LIMIT_DOMAIN + 64];		/* relative to the instance */
	char catch_all[LIMIT_LOCAL_PART + 1];
	char postmaster[LIMIT_ADDRESS + 1];
	bool signs;				/* what its users send, by these keys */
	struct domain_key rsa, ed25519;
};

struct index;

/* Opens the database in directory home; dies when it cannot. *begun_anew: it was empty. */
struct index *index_open(const char *home, bool *begun_anew);
void index_close(struct index **ix);
/* Once a second. */
void index_tend(struct index *ix);

/* Look-ups: true when there is one. */
bool index_account(struct index *ix, struct span domain, struct span user, struct account *out);
bool index_domain(struct index *ix, struct span name, struct domain *out);
/* The domain that `name` is another name of, in out (LIMIT_DOMAIN + 1 bytes). */
bool index_domain_alias(struct index *ix, struct span name, char *out);
/* Targets into out (cleared first). */
bool index_alias(struct index *ix, struct span domain, struct span name, struct buf *out);
bool index_trusts(struct index *ix, struct span domain, struct span user, struct span sender);

/* Changes. */
void index_begin(struct index *ix);
void index_commit(struct index *ix);
void index_abort(struct index *ix);
void index_put_account(struct index *ix, struct span domain, struct span user, const struct account *a);
void index_put_domain(struct index *ix, const struct domain *d);
void index_put_alias(struct index *ix, struct span domain, struct span name, struct span targets);
void index_put_domain_alias(struct index *ix, struct span domain, struct span name);
void index_put_trusted(struct index *ix, struct span domain, struct span user, struct span pattern);
void index_drop_account(struct index *ix, struct span domain, struct span user);
void index_drop_aliases(struct index *ix, struct span domain);
void index_drop_domain_aliases(struct index *ix, struct span domain);
void index_drop_trusted(struct index *ix, struct span domain, struct span user);
void index_drop_domain(struct index *ix, struct span domain);	/* with all that is below it */
void index_drop_all(struct index *ix);

/* Names known to the index: the next after `after` (may be empty), false at the end. */
bool index_next_domain(struct index *ix, struct span after, char out[LIMIT_DOMAIN + 1]);
bool index_next_user(struct index *ix, struct span domain, struct span after, char out[LIMIT_LOCAL_PART + 1]);

/* Which mechanisms with secrets of their own any domain offers. */
struct index_offers {
	bool cram, scram, scram1;
};
struct index_offers index_offers(struct index *ix);

/* Mail of a domain, all zero when it was never counted; not what the version counts. */
struct index_space {
	bool is_counted;
	uint64_t used;			/* bytes */
	int64_t warned_s;		/* when its administrator was told that it is full; 0: never */
};
void index_get_space(struct index *ix, struct span domain, struct index_space *out);
void index_put_space(struct index *ix, struct span domain, const struct index_space *space);

/* Small values of our own under "s/". */
bool index_get_stamp(struct index *ix, const char *name, struct stamp *out);
void index_put_stamp(struct index *ix, const char *name, const struct stamp *st);
/* A random secret of 32 bytes, made once and kept, so that answers for unknown users do not change. */
void index_pepper(struct index *ix, unsigned char out[32]);

/* Grows with every change: what was computed from the index is stale when it differs. */
uint64_t index_version(const struct index *ix);
/*
 * Show a version to other processes in a page they can read, from now on and
 * changed before any answer is: a number above 0 that never comes again while
 * this process lives, or 0 while hidden, since what answers then is not final.
 */
void index_show(struct index *ix, uint64_t *page);
void index_hide(struct index *ix, bool hide);

#endif
