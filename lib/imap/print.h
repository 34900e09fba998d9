/*
 * print: values in responses (RFC 3501 9).
 */
#ifndef IMAP_PRINT_H
#define IMAP_PRINT_H

#include "base/base.h"
#include "base/buf.h"
#include "base/span.h"
#include "mail/mime.h"

/* As a quoted string when it can be one, else as a literal; p == NULL is NIL. */
void imap_print_nstring(struct span s, struct buf *out);
void imap_print_string(struct span s, struct buf *out);
/* As an atom when it can be one. */
void imap_print_astring(struct span s, struct buf *out);

/* "(\Seen \Flagged key)": letters as MAILDIR_BIT, keywords by name. */
void imap_print_flags(uint64_t letters, bool recent, uint64_t keyword_bits,
	const char *const *keywords, size_t keyword_n, struct buf *out);

/* The ENVELOPE of a header block. */
void imap_print_envelope(struct span header, struct buf *out);

/* BODYSTRUCTURE (extended) or BODY of part 0 of the tree over text. */
void imap_print_structure(struct span text, const struct mime_tree *t, bool extended, struct buf *out);

#endif
