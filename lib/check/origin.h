/*
 * origin: where a message came from that one of our own gateways passed on
 * (BYP-02): its Received fields are read, the most recent hop first, and the
 * first address that is not a gateway of ours is the originating server.
 *
 * Pure.  Why it can be believed: each field read was written by a host of ours,
 * for the one above it says so.  It ends where that chain ends.
 */
#ifndef CHECK_ORIGIN_H
#define CHECK_ORIGIN_H

#include "base/base.h"
#include "base/span.h"
#include "net/addr_set.h"

enum origin_result {
	ORIGIN_MORE,		/* this hop was one of ours: look at the next */
	ORIGIN_FOUND,
	ORIGIN_NONE		/* it cannot be known: the field names no address */
};

/*
 * The value of one Received field, the most recent first; for a milter, which
 * gets them one by one.  Hops inside of a host (loopback, or no From clause) are
 * passed over.  *out is set by ORIGIN_FOUND.
 */
enum origin_result origin_hop(struct span received, const struct addr_set *gateways, struct addr *out) PB_MUST_CHECK;

/*
 * All of a header section, as it came from `peer`.  False when peer is no
 * gateway, or no hop is known to be another's: then peer is all there is.
 * *helo_out, within header, is the name that it gave to the gateway; may be NULL.
 */
bool origin_find(struct span header, const struct addr *peer, const struct addr_set *gateways,
	struct addr *out, struct span *helo_out) PB_MUST_CHECK;

#endif
