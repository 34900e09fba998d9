/*
 * gateway: the outgoing gateways (setting gatewayServers/server; GATE-01 to
 * GATE-09), for programs that may see them.
 */
#ifndef CONFIG_GATEWAY_H
#define CONFIG_GATEWAY_H

#include "base/base.h"
#include "base/span.h"
#include "config/settings.h"

/* Texts belong to the settings. */
struct gateway_server {
	bool enabled;		/* and has an address */
	const char *address;	/* IP address or host name */
	uint16_t port;
	const char *tls;	/* a word of policy/tls_out.h */
	bool implicit_tls;
	const char *user;	/* "": no log-in */
	uint32_t priority_min, priority_max;
	bool is_ours;		/* it runs this software and is asked for its queue length */
	const char *url, *admin;	/* where, and as whom; "" for none */
};

size_t gateway_server_count(const struct settings *s);

/* The i-th, from 0; past the end: bug. */
void gateway_server_get(const struct settings *s, size_t i, struct gateway_server *out);

/* Where a gateway is asked. */
struct gateway_url {
	char host[256];
	uint16_t port;
	bool implicit_tls;
};

/* smtp://HOST[:PORT] or smtps://HOST[:PORT]; HOST may be [IPV6]. */
bool gateway_url_parse(struct span text, struct gateway_url *out) PB_MUST_CHECK;

#endif
