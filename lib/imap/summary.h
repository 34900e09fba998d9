/*
 * summary: what a mailbox keeps of a message so that later FETCH and SEARCH
 * need not open it: the envelope, both structures, and the header fields that
 * clients ask for in lists.  One blob, kept by lib/store without knowing it.
 */
#ifndef IMAP_SUMMARY_H
#define IMAP_SUMMARY_H

#include "base/base.h"
#include "base/buf.h"
#include "base/span.h"

struct imap_summary {
	struct span envelope;		/* ready for the response */
	struct span body;
	struct span structure;
	struct span fields;		/* header fields of imap_summary_has_field, raw, CRLF */
	int64_t sent;			/* Date field, seconds since 1970 */
	bool has_sent;
	int32_t sent_zone;		/* minutes east: SENTON compares the date as written */
};

/* Make the blob of a message text; false when it would pass LIMIT_IMAP_SUMMARY. */
bool imap_summary_make(struct span message, struct buf *out) PB_MUST_CHECK;
/* Read one back; false when it is damaged or of another version. */
bool imap_summary_read(struct span blob, struct imap_summary *out) PB_MUST_CHECK;
/* Are fields of that name in `fields` (all of them, if the message has any)? */
bool imap_summary_has_field(struct span name);

#endif
