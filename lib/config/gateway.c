/* gateway: see gateway.h. */
#include "base/base.h"
#include "config/gateway.h"

static const char list[] = "gatewayServers/server";

size_t
gateway_server_count(const struct settings *s)
{
	return settings_count(s, list);
}

void
gateway_server_get(const struct settings *s, size_t i, struct gateway_server *out)
{
	*out = (struct gateway_server){
		.address = settings_entry(s, list, i, "address"),
		.port = (uint16_t)settings_entry_num(s, list, i, "port"),
		.tls = settings_entry(s, list, i, "tls"),
		.implicit_tls = settings_entry_bool(s, list, i, "implicitTls"),
		.user = settings_entry(s, list, i, "authUserName"),
		.priority_min = (uint32_t)settings_entry_num(s, list, i, "priorityMin"),
		.priority_max = (uint32_t)settings_entry_num(s, list, i, "priorityMax"),
	};
	out->enabled = settings_entry_bool(s, list, i, "enabled") && out->address[0] != '\0';
}
