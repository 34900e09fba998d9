/*
 * The room lib/imap: the grammar of IMAP4rev1 (RFC 3501) and the extensions we
 * speak, pure: spans in, structs out, bytes out.
 *
 * lex: the words of a command.
 *
 * A command is read whole before it is parsed: its lines, each with CRLF, and
 * its literals in between, as they came.  (The message of an APPEND is not
 * part of that: see imap_append in command.h.)  Limits: the reader's.
 *
 * Every function returns false, and leaves the position where it was, when
 * the next thing is something else.
 */
#ifndef IMAP_LEX_H
#define IMAP_LEX_H

#include "base/base.h"
#include "base/mem.h"
#include "base/span.h"

struct imap_lex {
	struct span rest;
	struct arena *arena;	/* for strings with escapes; results live as long */
};

struct imap_literal {
	uint64_t size;
	bool plus;		/* {n+}: the client does not wait (RFC 7888) */
	bool is_bad;		/* looks like a literal and is none: {-1}, {1 }, ~{10}, a number over 2^63 */
	size_t at;		/* where the "{" stands in the line */
};

/*
 * Does this line (without CRLF) announce a literal?  A brace inside an open
 * quoted string of the same line is text.
 */
bool imap_literal_at_end(struct span line, struct imap_literal *out);

/* Memory for one command at a time: LIMIT_IMAP_ARENA bytes. */
struct arena *imap_lex_arena(void);

bool imap_lex_space(struct imap_lex *x);		/* exactly one SP */
bool imap_lex_char(struct imap_lex *x, char c);
bool imap_lex_is(const struct imap_lex *x, char c);	/* look only */
bool imap_lex_end(const struct imap_lex *x);		/* nothing is left, or CRLF */
bool imap_lex_word(struct imap_lex *x, const char *word);	/* that atom, any letter case */

bool imap_lex_atom(struct imap_lex *x, struct span *out);	/* 1*ATOM-CHAR */
bool imap_lex_tag(struct imap_lex *x, struct span *out);
bool imap_lex_number(struct imap_lex *x, uint32_t *out);
bool imap_lex_number64(struct imap_lex *x, uint64_t *out);	/* to 2^63 - 1 */
bool imap_lex_string(struct imap_lex *x, struct span *out);	/* quoted or literal */
bool imap_lex_nstring(struct imap_lex *x, struct span *out);	/* NIL: p == NULL */
bool imap_lex_astring(struct imap_lex *x, struct span *out);
bool imap_lex_list_mailbox(struct imap_lex *x, struct span *out);	/* with % and * */

#endif
