/*
 * length: how long the queues of gateways of our kind are (GATE-06 to GATE-10).
 *
 * While messages choose among several gateways each that runs this software is
 * asked now and then, by an agent: over TLS, logged in as its adminUserName, by
 * XQUEUE.  No message waits for the answer.
 */
#ifndef REMOTE_SEND_LENGTH_H
#define REMOTE_SEND_LENGTH_H

#include "base/base.h"
#include "config/gateway.h"
#include "directory/asker.h"
#include "policy/route.h"
#include "pool.h"
#include "resolve.h"
#include "service/service.h"

struct lengths;

/* All live as long.  load[i] is that of server[i]: silent, queue and given are written here. */
struct lengths *lengths_new(struct service *svc, struct resolver *r, struct pool *pool, struct asker *asker,
	const struct gateway_server *server, struct policy_load *load, size_t count);

/* A message chooses among gateways and i is one of them: it is asked if it is time for that. */
void lengths_want(struct lengths *l, size_t i);

/* False until it has said it. */
bool lengths_is_known(const struct lengths *l, size_t i) PB_MUST_CHECK;

#endif
