/*
 * fetch: what FETCH asks for (RFC 3501 6.4.5).
 */
#ifndef IMAP_FETCH_H
#define IMAP_FETCH_H

#include "base/base.h"
#include "imap/lex.h"

/* Items that are one word; FAST, ALL and FULL come as their items. */
enum {
	FETCH_FLAGS = 1, FETCH_UID = 2, FETCH_INTERNALDATE = 4, FETCH_SIZE = 8,
	FETCH_ENVELOPE = 16, FETCH_BODY = 32, FETCH_BODYSTRUCTURE = 64, FETCH_MODSEQ = 128
};

enum imap_section_kind {
	SECTION_ALL,		/* BODY[], BODY[1] */
	SECTION_HEADER, SECTION_FIELDS, SECTION_FIELDS_NOT, SECTION_TEXT, SECTION_MIME
};

struct imap_section {
	enum imap_section_kind kind;
	uint32_t *part;		/* numbers of the part, n of them; 0 is the message */
	size_t part_n;
	struct span *fields;	/* FIELDS, FIELDS_NOT */
	size_t field_n;
	bool peek;		/* does not set \Seen */
	bool partial;
	uint64_t start, length;	/* of a partial fetch */
	struct span name;	/* how the response names it: "BODY[1.MIME]<0>", "RFC822.HEADER" */
};

struct imap_fetch {
	unsigned items;
	struct imap_section *sections;	/* in the arena; at most LIMIT_IMAP_SECTIONS */
	size_t section_n;
};

bool imap_fetch_parse(struct imap_lex *x, struct imap_fetch *out) PB_MUST_CHECK;
bool imap_fetch_sets_seen(const struct imap_fetch *f);

#endif
