/*
 * route_settings: which way mail goes as far as the settings say, without a
 * question to DNS or to a program that runs.
 */
#ifndef MAILCTL_ROUTE_SETTINGS_H
#define MAILCTL_ROUTE_SETTINGS_H

#include "base/base.h"
#include "base/buf.h"
#include "base/span.h"
#include "config/settings.h"
#include "policy/route.h"

struct route_settings {
	enum policy_way way;
	size_t *gateway;		/* those that may take it: numbers for gateway_server_get */
	size_t gateways;
	struct buf why;			/* lines */
};

/* host: of a forwarded domain (config/route.h), else empty.  route_settings_free. */
void route_settings(const struct settings *st, struct span host, uint32_t priority, struct route_settings *out);
void route_settings_free(struct route_settings *r);

#endif
