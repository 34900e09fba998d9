/*
 * resolve: what an address means here.
 *
 * Addresses are compared in small letters; the canonical form of a mailbox is
 * USER@DOMAIN with the real domain.  A mailbox that was named with a detail, USER+DETAIL,
 * keeps it where mail is to be delivered (rcpt, expand): local-deliver looks for a folder of
 * that name.  An alias does not hand its own detail on to its targets.  Order of meaning for LOCAL@DOMAIN: a user,
 * an alias, a user or alias without "+detail", postmaster, the catch-all.
 */
#ifndef AUTH_CHECK_RESOLVE_H
#define AUTH_CHECK_RESOLVE_H

#include "base/base.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/span.h"
#include "config/settings.h"
#include "index.h"
#include "refresh.h"

struct resolver {
	struct index *ix;
	struct refresh *refresh;
	const struct settings *settings;
};

/* An address taken apart; small letters, quotes of the local part removed. */
struct address {
	char local[LIMIT_LOCAL_PART + 1];
	char detail[LIMIT_LOCAL_PART + 1];	/* behind the first "+" of it, letters as they came; else "" */
	char domain[LIMIT_DOMAIN + 1];	/* "" for a bare "postmaster" */
};

/*
 * False for what can be no address of ours: no "@", too long, empty parts, bytes that
 * are not printable ASCII (behind a "+": UTF-8), blanks.  Only "postmaster" may stand alone.
 */
bool address_split(struct span text, struct address *out) PB_MUST_CHECK;

/* The mailbox that an address leads to, without a detail.  False when it is none. */
bool resolve_mailbox(struct resolver *rs, struct span address, char out[LIMIT_ADDRESS + 1]) PB_MUST_CHECK;

/* Look up one account or domain, comparing with the files while the index may be old. */
bool resolve_account(struct resolver *rs, const char *domain, struct span user, struct account *out);
/* Follows other names of a domain; out->name is the real one. */
bool resolve_domain(struct resolver *rs, const char *name, struct domain *out);

/* The answers of the look-up maps, as in socketmap: "OK ...", "NOTFOUND ", "PERM ...", "TEMP ..." */
void resolve_rcpt(struct resolver *rs, struct span key, struct buf *out);
void resolve_expand(struct resolver *rs, struct span key, struct buf *out);
void resolve_domain_map(struct resolver *rs, struct span key, struct buf *out);
/* Is the domain (or domain alias, or that of an address) ours, but disabled?  "OK "; or the account: "OK user"; else "NOTFOUND " */
void resolve_disabled(struct resolver *rs, struct span key, struct buf *out);
/* Priorities and throttles of a domain, or of an address (directory/sending.h). */
void resolve_sending(struct resolver *rs, struct span key, struct buf *out);
void resolve_sender(struct resolver *rs, struct span key, struct buf *out);
/* "RECIPIENT SENDER": may greylisting be applied?  "OK WORD CANONICAL", see directory_greylist. */
void resolve_greylist(struct resolver *rs, struct span key, struct buf *out);
/* How much the mailbox may hold: "OK BYTES", 0 for no limit; NOTFOUND when it is none of ours. */
void resolve_limit(struct resolver *rs, struct span key, struct buf *out);
/* What the account may send: "OK MAXBYTES MAXRECIPIENTS", 0 for no limit (LIMIT-07, LIMIT-08). */
void resolve_account_map(struct resolver *rs, struct span key, struct buf *out);

#endif
