/*
 * route: domains whose mail is passed on to a server the administrator names
 * (setting domainForwarding/server, ROUTE-02 to ROUTE-05).
 */
#ifndef CONFIG_ROUTE_H
#define CONFIG_ROUTE_H

#include "base/base.h"
#include "base/buf.h"
#include "config/settings.h"

/*
 * True when the domain is listed; host (may be NULL) gets "HOST:PORT" or
 * "[IPV6]:PORT".  Reads through all entries: for one look-up a recipient.
 */
bool route_find(const struct settings *s, struct span domain, struct buf *host);

/* The first entry that lists the domain, -1 when none does. */
ssize_t route_index(const struct settings *s, struct span domain);

#endif
