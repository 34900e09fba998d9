/*
 * search: the criteria of SEARCH as a tree (RFC 3501 6.4.4).
 *
 * Depth is capped at LIMIT_IMAP_NESTING and the number of nodes at
 * LIMIT_IMAP_SEARCH_KEYS, so whoever walks the tree may recurse.
 */
#ifndef IMAP_SEARCH_H
#define IMAP_SEARCH_H

#include "base/base.h"
#include "imap/lex.h"
#include "imap/set.h"

enum imap_search_kind {
	SEARCH_ALL,
	SEARCH_AND,		/* all children */
	SEARCH_OR,		/* any child */
	SEARCH_NOT,		/* its one child does not match */
	SEARCH_LETTER,		/* letter: 'S' for SEEN … as in Maildir names */
	SEARCH_KEYWORD,		/* text */
	SEARCH_RECENT,
	SEARCH_LARGER, SEARCH_SMALLER,		/* number: bytes */
	SEARCH_BEFORE, SEARCH_ON, SEARCH_SINCE,	/* number: days since 1970, of the internal date */
	SEARCH_SENTBEFORE, SEARCH_SENTON, SEARCH_SENTSINCE,	/* the same of the Date field */
	SEARCH_YOUNGER, SEARCH_OLDER,		/* number: seconds (RFC 5032) */
	SEARCH_HEADER,		/* field, text; FROM, TO, CC, BCC, SUBJECT come as this too */
	SEARCH_BODY, SEARCH_TEXT,		/* text */
	SEARCH_SEQUENCE, SEARCH_UID,		/* set */
	SEARCH_MODSEQ		/* number (RFC 7162) */
};

#define SEARCH_NO_NODE UINT32_MAX

struct imap_search_node {
	enum imap_search_kind kind;
	uint32_t first_child;	/* AND, OR, NOT */
	uint32_t next;		/* sibling */
	char letter;
	struct span field;
	struct span text;	/* in the charset of the command */
	int64_t number;
	struct imap_set set;
};

struct imap_search {
	struct imap_search_node *nodes;	/* in the arena; nodes[0] is the root, an AND */
	uint32_t count;
	struct span charset;		/* p == NULL: none given */
};

enum imap_search_result { IMAP_SEARCH_OK, IMAP_SEARCH_BAD, IMAP_SEARCH_TOO_DEEP, IMAP_SEARCH_TOO_MANY };

/* Read [CHARSET c] and the keys, up to the end of the command. */
enum imap_search_result imap_search_parse(struct imap_lex *x, struct imap_search *out) PB_MUST_CHECK;

#endif
