/*
 * resolve: from a domain to the addresses that a message for it may go to.
 */
#ifndef REMOTE_SEND_RESOLVE_H
#define REMOTE_SEND_RESOLVE_H

#include "base/base.h"
#include "base/verdict.h"
#include "dane.h"
#include "io/loop.h"
#include "job.h"
#include "mx.h"
#include "net/dns_loop.h"
#include "probe.h"
#include "sts.h"
#include "tls_report.h"

/* What look-ups need; one for the process. */
struct resolver {
	struct loop *loop;
	struct dns *dns;
	struct dns_loop *dns_loop;
	struct self self;
	uint16_t port;			/* setting smtpOutPort */
	struct probe *probe;		/* NULL: whatever fails is the domain's fault */
	struct tls_report *report;
	struct sts *sts;		/* NULL: nobody looks for policies */
};

struct resolve;

/*
 * The outcome: job->target is filled, or *failed says what the recipients get
 * and dns whether the domain did not resolve.
 */
typedef void resolve_call(void *ctx, const struct verdict *failed, bool dns);

/*
 * Begin; call comes exactly once, at the latest after RESOLVE_SECONDS, perhaps
 * before resolve_begin returns.  job must live until then.
 */
void resolve_begin(struct resolver *r, struct job *job, resolve_call *call, void *ctx);

/* Start the resolver's process and watch it. Dies when it does not start. */
void resolver_start(struct resolver *r);

#endif
