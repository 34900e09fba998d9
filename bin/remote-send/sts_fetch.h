/*
 * sts_fetch: get one MTA-STS policy by HTTPS (RFC 8461 3.3), in a process of its
 * own that has no file, no socket of ours, and no right but to talk to that host.
 */
#ifndef REMOTE_SEND_STS_FETCH_H
#define REMOTE_SEND_STS_FETCH_H

#include "base/base.h"
#include "io/loop.h"
#include "net/addr.h"
#include "net/tls_verify.h"

/* Longest wait for a policy: it holds up a message. */
#define STS_FETCH_MS 15000

struct sts_fetched {
	bool is_there;
	bool certificate;	/* it failed for the certificate of the web server */
	const char *why;	/* one line, when it failed */
	struct span text;	/* at most LIMIT_STS_POLICY bytes */
};

struct sts_fetch;
/* The result lives as long as the call; the fetch is gone after it. */
typedef void sts_fetch_call(void *ctx, const struct sts_fetched *result);

/* In the parent, before confinement: what libcurl loads lazily.  False when it cannot. */
bool sts_fetch_warm_up(void) PB_MUST_CHECK;

/*
 * Get https://HOST/.well-known/mta-sts.txt from one of the addresses; host is plain
 * (sts_cache_takes).  cas: by whose CAs the certificate is judged.  NULL: no process.
 */
struct sts_fetch *sts_fetch_begin(struct loop *loop, const struct tls_client *cas, const char *host,
	const struct addr *addrs, size_t count, sts_fetch_call *call, void *ctx);

#endif
