/*
 * address: address lists of header fields (RFC 5322 3.4), obsolete routes and
 * groups included, read leniently: what is not an address is kept as a local
 * part, nothing is ever dropped silently and no input fails to parse.
 */
#ifndef MAIL_ADDRESS_H
#define MAIL_ADDRESS_H

#include "base/base.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/span.h"

/*
 * One entry as IMAP's ENVELOPE wants it (RFC 3501 7.4.2).  Spans with
 * p == NULL are absent (NIL).  A group begins with an entry that has its name
 * in `local` and no domain, and ends with an entry that has neither.
 */
struct address {
	struct span name;	/* display name, unquoted, still RFC 2047 encoded */
	struct span route;	/* obsolete source route "@a,@b" */
	struct span local;	/* unquoted */
	struct span domain;
};

struct address_list {
	struct address *items;	/* in the arena */
	size_t count;
	bool truncated;		/* LIMIT_HEADER_ADDRESSES or the arena was reached */
};

/* Read the value of a From, To, Cc … field.  Results live in the arena. */
void address_parse_list(struct span value, struct arena *a, struct address_list *out);

/*
 * Print local@domain so that it can be read back: the local part is quoted
 * when it must be.  domain may be empty.
 */
void address_print(struct span local, struct span domain, struct buf *out);

#endif
