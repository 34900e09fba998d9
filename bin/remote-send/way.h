/*
 * way: which way a job goes (policy/route.h), and to which addresses.
 *
 * The parent of remote-send decides it for each attempt, since gateways take
 * turns, and has the passwords of gateways from auth-check.
 */
#ifndef REMOTE_SEND_WAY_H
#define REMOTE_SEND_WAY_H

#include "base/base.h"
#include "base/verdict.h"
#include "job.h"
#include "policy/route.h"
#include "pool.h"
#include "resolve.h"
#include "service/service.h"

struct ways;

/* All live as long.  What the settings say is read now. */
struct ways *ways_new(struct service *svc, struct resolver *r, struct pool *pool);

struct way {
	enum policy_way kind;
	const struct verdict *failed;	/* NULL: job->target is filled, job->gateway too if it goes by gateways */
	bool dns;			/* the domain did not resolve */
};

/* Borrowed for the call. */
typedef void way_call(void *ctx, const struct way *w);

/*
 * Find the way of a job; call comes once, perhaps before this returns.  job must
 * live until then.  why (may be NULL, and lives as long) gets lines as in
 * policy/sum.h; with it nothing counts as sent, and no password is asked for.
 */
void way_find(struct ways *w, struct job *job, struct buf *why, way_call *call, void *ctx);

#endif
