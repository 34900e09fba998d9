/*
 * dkim: the bytes that a DKIM signature is made over, and its header field
 * (RFC 6376, RFC 8463), relaxed/relaxed.
 *
 * Pure: bytes in, bytes out; hashing and signing are the caller's.  Order of use:
 * dkim_begin, dkim_feed any number of times with the message as it is stored,
 * dkim_end; what the sink got is to be hashed for bh=.  Then for each signature
 * dkim_field and, with the signature over its input, dkim_field_end.
 *
 * A bare CR and a bare LF are taken as CRLF, since that is how they are sent
 * (smtp/data.h).
 */
#ifndef MAIL_DKIM_H
#define MAIL_DKIM_H

#include "base/base.h"
#include "base/buf.h"
#include "base/span.h"

/* The next bytes of the canonical body. */
typedef void dkim_sink(void *ctx, struct span canonical);

struct dkim {
	struct buf header;	/* the header section with clean line ends, without the empty line */
	bool in_body, after_cr;
	size_t line;		/* bytes of this line of the header so far */
	uint64_t blank_lines;	/* of the body, not given on yet: those at its end do not count */
	bool has_text, has_space;	/* of this line of the body */
	dkim_sink *sink;
	void *ctx;
	size_t used;
	char piece[1024];
};

/* dkim_end: false when the header section is too long to be signed. */
void dkim_begin(struct dkim *d, dkim_sink *sink, void *ctx);
void dkim_feed(struct dkim *d, struct span in);
bool dkim_end(struct dkim *d) PB_MUST_CHECK;
void dkim_free(struct dkim *d);

struct dkim_signature {
	struct span domain, selector;	/* d=, s= */
	const char *algorithm;		/* a=: "rsa-sha256" or "ed25519-sha256" */
	struct span body_hash;		/* bh=, base64 */
	int64_t time;			/* t=, seconds since 1970 */
};

/*
 * Append to field the header field DKIM-Signature up to the empty value of b=,
 * and to input what is to be hashed for it.  Fields that say what the message
 * is are signed once more than they are there, so that none can be added.
 * False when the message has not exactly one From, or something does not fit.
 */
bool dkim_field(const struct dkim *d, const struct dkim_signature *s, struct buf *field, struct buf *input) PB_MUST_CHECK;

/* Append the signature, base64, and the end of the line. */
void dkim_field_end(struct buf *field, struct span signature);

#endif
