/*
 * mime: the tree of parts of a message (RFC 2045, 2046).
 *
 * One pass over the lines with a stack of open boundaries; time is linear in
 * the size of the message whatever its boundaries say.  Depth is capped at
 * LIMIT_MIME_DEPTH and the number of parts at LIMIT_MIME_PARTS: what lies
 * deeper or comes later belongs to the body of the last part that counts.
 *
 * Offsets are of the text as given.  The *wire form* has CRLF for every line
 * end: each range also says how many bare LFs it has, so that
 * wire size = end - start + bare LFs.
 *
 * Ambiguous messages: of several Content-Type fields the first counts, of
 * several Content-Transfer-Encoding fields too; a Content-Type that cannot be
 * read is text/plain (RFC 2045 5.2); a multipart without a boundary is a leaf.
 */
#ifndef MAIL_MIME_H
#define MAIL_MIME_H

#include "base/base.h"
#include "base/mem.h"
#include "base/span.h"

enum mime_kind {
	MIME_LEAF,
	MIME_MULTIPART,		/* children are its parts */
	MIME_MESSAGE		/* message/rfc822 (or /global): one child, the message within */
};

#define MIME_NO_PART UINT32_MAX

struct mime_range {
	size_t start;
	size_t end;
	size_t bare_lf;		/* line ends that are LF alone */
	size_t lines;		/* line ends */
};

/*
 * parts[0] is the message itself.  The child of a MIME_MESSAGE part is a part
 * of its own whose header is the header of the message within.
 */
struct mime_part {
	enum mime_kind kind;
	uint32_t parent;	/* MIME_NO_PART for the root */
	uint32_t first_child;
	uint32_t next;		/* next sibling */
	uint32_t children;
	struct mime_range header;	/* with the empty line */
	struct mime_range body;
};

struct mime_tree {
	struct mime_part *parts;	/* owned by the tree */
	uint32_t count;
	bool truncated;			/* a cap was reached */
};

/* Read a message.  Never fails; end with mime_tree_free. */
void mime_parse(struct span message, struct mime_tree *out);
void mime_tree_free(struct mime_tree *t);

/*
 * The part with an IMAP part number such as "2.1" (RFC 3501 6.4.5): numbers[]
 * counts from 1.  With n == 0 the root.  MIME_NO_PART when there is none.
 */
uint32_t mime_find(const struct mime_tree *t, const uint32_t *numbers, size_t n);

size_t mime_wire_size(struct mime_range r);

#endif
