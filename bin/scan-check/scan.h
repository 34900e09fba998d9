/*
 * scan: the state of scan-check.
 */
#ifndef SCAN_CHECK_SCAN_H
#define SCAN_CHECK_SCAN_H

#include "base/base.h"
#include "cache.h"
#include "net/dns_loop.h"
#include "service/service.h"

struct scan {
	struct service svc;
	struct loop *loop;
	struct dns *dns;
	struct dns_loop *dns_loop;
	struct cache *cache;		/* NULL: setting dnsCache is off */
	size_t clients;			/* connections */
	size_t tasks;			/* questions under way, of all clients */
};

/* clients.c: take connections on run/pub/scan. */
void clients_serve(struct scan *s);

#endif
