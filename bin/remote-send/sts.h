/*
 * sts: the MTA-STS policy of a domain (RFC 8461): announced by DNS, fetched by
 * HTTPS, kept on disk.
 */
#ifndef REMOTE_SEND_STS_H
#define REMOTE_SEND_STS_H

#include "base/base.h"
#include "io/loop.h"
#include "net/dns.h"
#include "net/tls_verify.h"
#include "policy/sts.h"
#include "service/service.h"

struct sts;

/*
 * dir: the folder of the cache, stays the caller's; cas: whom to trust.  Policies
 * are not fetched from loopback addresses unless allow_loopback.
 */
struct sts *sts_new(struct service *svc, struct loop *loop, struct dns *dns, int dir,
	const struct tls_client *cas, bool allow_loopback);

/* What is wrong with an announced policy, also when an earlier one still holds. */
enum sts_fault { STS_FINE, STS_FETCH_FAULT, STS_CERTIFICATE_FAULT, STS_POLICY_FAULT };

struct sts_found {
	enum tls_sts mode;
	const struct sts_policy *policy;	/* with TESTING and ENFORCE; lives as long as the call */
	enum sts_fault fault;
};

struct sts_ask;
typedef void sts_call(void *ctx, const struct sts_found *found);

/*
 * Find out; call comes once, later, unless sts_forget does.  NULL: a name like this
 * has no policy.  It may take STS_FETCH_MS and what DNS takes.
 */
struct sts_ask *sts_begin(struct sts *s, struct span domain, sts_call *call, void *ctx);
void sts_forget(struct sts_ask **ask);

/* Whoever waits for a policy is answered now, without it: the program ends. */
void sts_give_up(struct sts *s);

#endif
