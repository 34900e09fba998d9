/*
 * route: which way a message leaves this server, and through which of several
 * outgoing gateways.
 *
 * In this order: a domain that is forwarded goes to its server; one whose
 * backup MX we are goes to its better MX hosts, since a gateway would bring its
 * mail back while they are down; all else goes through a gateway that takes
 * messages of its priority, and by MX when there is none.  A message that has
 * a gateway never goes by MX: when all gateways fail it is tried again later.
 */
#ifndef POLICY_ROUTE_H
#define POLICY_ROUTE_H

#include "base/base.h"
#include "base/buf.h"

struct policy_gateway {
	bool enabled;
	uint32_t priority_min, priority_max;	/* of messages that it takes, 1 to 10 */
};

struct policy_route {
	bool is_forwarded;	/* an administrator named the server for this domain */
	bool is_backup;		/* this server is an MX host of the domain, but not the best */
	uint32_t priority;	/* 1 to 10 */
	const struct policy_gateway *gateway;
	size_t gateways;
};

enum policy_way { POLICY_WAY_FORWARD, POLICY_WAY_MX, POLICY_WAY_GATEWAY };

/*
 * match (room for f->gateways) gets the numbers, from 0, of the gateways that
 * take the message, *matches how many; 0 unless the way is GATEWAY.  why (may be
 * NULL) gets lines as in sum.h.
 */
enum policy_way policy_route(const struct policy_route *f, size_t *match, size_t *matches, struct buf *why);

/* "forward", "mx" or "gateway". */
const char *policy_way_name(enum policy_way way);

/* Can the way depend on f->is_backup? */
bool policy_route_wants_mx(const struct policy_route *f) PB_MUST_CHECK;

/* What is known of a gateway when a message chooses among several. */
struct policy_load {
	bool silent;		/* it was asked how long its queue is, and did not answer */
	uint64_t queue;		/* messages, as it said; 0 when it is not asked */
	uint64_t given;		/* messages sent through it since then */
	uint64_t turn;		/* when it was chosen last: greater is later; 0 never */
};

/*
 * Round robin weighted by queue length: order (room for n) gets 0..n-1, the one
 * with the least work first, of equals the one that waits longest for its turn.
 * Silent ones are left out as long as another is there.  Returns how many
 * stand in order.
 */
size_t policy_route_order(const struct policy_load *load, size_t n, size_t *order);

#endif
