/*
 * route: domains whose mail is taken in for another server: passed on to one
 * that the administrator names (settings domainForwarding/server and
 * incomingGateways/gateway with mode domainForward; ROUTE-01 to ROUTE-05).
 */
#ifndef CONFIG_ROUTE_H
#define CONFIG_ROUTE_H

#include "base/base.h"
#include "base/buf.h"
#include "config/settings.h"

/* Texts belong to the settings. */
struct route {
	const char *address, *port;	/* where the mail goes */
	bool no_greylisting;
	ssize_t gateway;		/* which incomingGateways/gateway it is; -1: domainForwarding */
};

/* True when mail for the domain is passed on.  Reads through all entries: for one look-up a recipient. */
bool route_lookup(const struct settings *s, struct span domain, struct route *out);

/* The same; host (may be NULL) gets "HOST:PORT" or "[IPV6]:PORT". */
bool route_find(const struct settings *s, struct span domain, struct buf *host);

/* What is said of an entry of incomingGateways/gateway. */
bool route_is_backup(const struct settings *s, size_t gateway);	/* mode backupMx: address is an IP or a network */

#endif
