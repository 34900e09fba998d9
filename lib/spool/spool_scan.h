/*
 * spool_scan: find what is in the queue, and bring it to a legal state.
 *
 * One folder is listed at a time (16 bytes a message), oldest id first, so
 * delivery starts before all is read.  The rows of the state table
 * (spool-layout/README) are applied one by one; all that is unusual is logged.
 *
 * Who scans what: intake, at its start and later every minute, the .em_ files
 * (SPOOL_SCAN_RECEIVED); schedule .hdr and .eml (SPOOL_SCAN_QUEUED).  Both may
 * run at any time beside each other.
 */
#ifndef SPOOL_SPOOL_SCAN_H
#define SPOOL_SPOOL_SCAN_H

#include "base/base.h"
#include "spool/envelope.h"
#include "spool/spool.h"

enum spool_scan_part {
	SPOOL_SCAN_RECEIVED,	/* .em_ of earlier lives: removed, completed, or to corrupt/ */
	SPOOL_SCAN_QUEUED	/* pairs: reported, completed, removed, or to corrupt/ */
};

struct spool_scan;

struct spool_scan_options {
	enum spool_scan_part part;
	int64_t now;		/* seconds since 1970 UTC, for what waits 24 h or seven days */
	/*
	 * SPOOL_SCAN_QUEUED: true when the caller already has this message; it is
	 * then passed over without being read.  May be NULL.
	 */
	bool (*known)(void *ctx, struct spool_ref ref);
	/* A message that was promised is damaged and now in corrupt/: tell postmaster.  May be NULL. */
	void (*lost)(void *ctx, struct spool_ref ref, const char *why);
	void *ctx;
};

/* One message with something to do: an open recipient, or a bounce due. */
struct spool_found {
	struct spool_ref ref;
	struct envelope *envelope;	/* the caller's: envelope_free */
	uint64_t body_size;
};

struct spool_scan *spool_scan_new(struct spool *sp, const struct spool_scan_options *options);
/*
 * Go on to the next message: 1 and *found filled, 0 at the end, -1 with errno
 * when a folder could not be read (the next call goes on with the next one).
 * SPOOL_SCAN_RECEIVED finds those it completed: tell schedule of them.
 */
int spool_scan_next(struct spool_scan *scan, struct spool_found *found) PB_MUST_CHECK;
void spool_scan_free(struct spool_scan **scan);

#endif
