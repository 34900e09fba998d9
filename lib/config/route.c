/*
 * route: a walk over the entries, each with its list of domains.
 */
#include "base/base.h"
#include "config/route.h"

static const char servers[] = "domainForwarding/server";
static const char gateways[] = "incomingGateways/gateway";

static bool
has_domain(const char *list, struct span domain)
{
	struct span rest = span_of(list);

	while (rest.p != NULL)
		if (span_eq_nocase(span_trim(span_cut(&rest, ',')), domain))
			return true;
	return false;
}

static bool
take(const struct settings *s, const char *list, size_t i, struct span domain, struct route *out)
{
	out->address = settings_entry(s, list, i, "address");
	if (out->address[0] == '\0' || !has_domain(settings_entry(s, list, i, "domains"), domain))
		return false;
	out->port = settings_entry(s, list, i, "port");
	out->no_greylisting = settings_entry_bool(s, list, i, "disableGreylisting");
	return true;
}

bool
route_lookup(const struct settings *s, struct span domain, struct route *out)
{
	if (domain.n == 0)
		return false;
	for (size_t i = 0; i < settings_count(s, gateways); i++) {
		out->gateway = (ssize_t)i;
		if (!route_is_backup(s, i) && take(s, gateways, i, domain, out))
			return true;
	}
	out->gateway = -1;
	for (size_t i = 0; i < settings_count(s, servers); i++)
		if (take(s, servers, i, domain, out))
			return true;
	return false;
}

bool
route_find(const struct settings *s, struct span domain, struct buf *host)
{
	struct route r;
	bool is_v6;

	if (!route_lookup(s, domain, &r))
		return false;
	is_v6 = strchr(r.address, ':') != NULL;
	if (host != NULL)
		buf_printf(host, "%s%s%s:%s", is_v6 ? "[" : "", r.address, is_v6 ? "]" : "", r.port);
	return true;
}

bool
route_is_backup(const struct settings *s, size_t gateway)
{
	return strcmp(settings_entry(s, gateways, gateway, "mode"), "backupMx") == 0;
}
