/*
 * set: sequence sets, of message numbers or UIDs (RFC 3501 9).
 */
#ifndef IMAP_SET_H
#define IMAP_SET_H

#include "base/base.h"
#include "base/buf.h"
#include "imap/lex.h"

#define IMAP_STAR 0	/* "*": no number is 0 */

struct imap_range {
	uint32_t first, last;	/* as written; either may be IMAP_STAR */
};

struct imap_set {
	struct imap_range *at;	/* in the arena */
	size_t count;
	bool saved;		/* "$": the saved result (RFC 5182) */
};

/* Read a set of at most LIMIT_IMAP_RANGES ranges. */
bool imap_set_parse(struct imap_lex *x, struct imap_set *out) PB_MUST_CHECK;

/*
 * Give every range its numbers: "*" becomes star (the largest in use), and the
 * smaller end comes first; then sort and join.  Afterwards lookups are O(log n).
 */
void imap_set_resolve(struct imap_set *s, uint32_t star);
bool imap_set_has(const struct imap_set *s, uint32_t n);	/* resolved sets only */

/* Append n to a text such as "1:3,5": keeps what is needed in *p between calls. */
struct imap_set_print {
	uint32_t first, last;	/* zero both to begin */
	bool started;
};
void imap_set_add(struct imap_set_print *p, uint32_t n, struct buf *out);
void imap_set_finish(struct imap_set_print *p, struct buf *out);

#endif
