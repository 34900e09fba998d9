/*
 * sts_cache: MTA-STS policies on disk (RFC 8461 5.1), one file a domain,
 * state/remote-send/sts-DOMAIN, a record (base/record.h):
 *
 *	mta-sts
 *	id=ID
 *	fetched=SECONDS SINCE 1970
 *	policy=TEXT
 *
 * Any of them may be removed at any time: it is fetched again.  After a power cut a
 * file may be empty, and counts as absent.
 */
#ifndef REMOTE_SEND_STS_CACHE_H
#define REMOTE_SEND_STS_CACHE_H

#include "base/base.h"
#include "policy/sts.h"

struct sts_cached {
	char id[STS_ID_MAX];
	int64_t fetched;		/* seconds since 1970 */
	struct sts_policy policy;
};

/* Can a policy of the domain be kept?  Only of names as hosts have them. */
bool sts_cache_takes(struct span domain);

/* False when there is none that still holds at `now`. */
bool sts_cache_read(int dir, const char *domain, int64_t now, struct sts_cached *out) PB_MUST_CHECK;

/* All or nothing; -1 with errno. */
int sts_cache_write(int dir, const char *domain, const char *id, int64_t now, struct span text) PB_MUST_CHECK;

/* Remove what no longer holds, or cannot be read. */
void sts_cache_clean(int dir, int64_t now);

#endif
