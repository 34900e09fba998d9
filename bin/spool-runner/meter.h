/*
 * meter: ask abuse-check, which counts by the clock hour, whether somebody may
 * send one message more, and tell it of bounces; from an event loop.
 *
 * Questions are pipelined over one connection to run/pub/abuse and answered in
 * their order.  When abuse-check does not answer, mail goes on.
 */
#ifndef SPOOL_RUNNER_METER_H
#define SPOOL_RUNNER_METER_H

#include "base/base.h"
#include "base/span.h"
#include "io/loop.h"

struct service;
struct meter;

/* Limits of one hour; 0: none. */
struct meter_limit {
	struct span who;		/* an account, a domain or a list: in any case of letters */
	uint32_t messages, mb, bounces;
};
#define METER_LIMITS 3

/* who.n == 0: it may go, and is counted.  Else whose limit holds it, and which; first: in this hour. */
typedef void meter_call(void *ctx, struct span who, struct span limit, bool first);

struct meter *meter_new(struct service *svc, struct loop *loop);

/* size: bytes.  `call` comes once, never before this has returned. */
void meter_spend(struct meter *m, const struct meter_limit *limits, size_t n, uint64_t size, meter_call *call, void *ctx);

/* A message with a null sender came to this mailbox. */
void meter_bounced(struct meter *m, struct span mailbox);

#endif
