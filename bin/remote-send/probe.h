/*
 * probe: does DNS answer anything at all?
 *
 * When a look-up fails for lack of an answer, either the servers of that domain are
 * to blame, or ours.  A question for a name that nobody can have kept, directly below
 * the root, tells: any answer, also that there is no such name, means that ours work.
 */
#ifndef REMOTE_SEND_PROBE_H
#define REMOTE_SEND_PROBE_H

#include "base/base.h"
#include "io/loop.h"
#include "net/dns.h"
#include "service/service.h"

struct probe;
typedef void probe_call(void *ctx, bool works);

struct probe *probe_new(struct service *svc, struct loop *loop, struct dns *dns);

/* call comes once, later, within PROBE_WAIT_MS; many may ask at once, one question is sent. */
#define PROBE_WAIT_MS 3000
void probe_ask(struct probe *p, probe_call *call, void *ctx);

#endif
