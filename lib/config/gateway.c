/* gateway: see gateway.h. */
#include "base/base.h"
#include "config/gateway.h"

#include "base/num.h"

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
		.is_ours = settings_entry_bool(s, list, i, "gatewayMode"),
		.url = settings_entry(s, list, i, "url"),
		.admin = settings_entry(s, list, i, "adminUserName"),
	};
	out->enabled = settings_entry_bool(s, list, i, "enabled") && out->address[0] != '\0';
}

bool
gateway_url_parse(struct span text, struct gateway_url *out)
{
	struct span host, port = SPAN_NONE;
	uint32_t number;

	*out = (struct gateway_url){ .port = 25 };
	if (span_starts_nocase(text, SPAN("smtps://"))) {
		*out = (struct gateway_url){ .port = 465, .implicit_tls = true };
		text = span_from(text, strlen("smtps://"));
	} else if (span_starts_nocase(text, SPAN("smtp://"))) {
		text = span_from(text, strlen("smtp://"));
	} else {
		return false;
	}
	if (text.n > 0 && text.p[text.n - 1] == '/')
		text.n--;
	if (span_starts(text, SPAN("["))) {
		port = span_from(text, 1);
		host = span_cut(&port, ']');
		if (port.p == NULL || (port.n > 0 && port.p[0] != ':'))
			return false;
		port = port.n > 0 ? span_from(port, 1) : SPAN_NONE;
	} else {
		port = text;
		host = span_cut(&port, ':');
	}
	if (port.p != NULL) {
		if (!num_parse_u32(port, UINT16_MAX, &number) || number == 0)
			return false;
		out->port = (uint16_t)number;
	}
	if (host.n == 0 || host.n >= sizeof(out->host))
		return false;
	for (size_t i = 0; i < host.n; i++)
		if (host.p[i] <= ' ' || host.p[i] == '/' || host.p[i] == '@' || host.p[i] == 0x7f)
			return false;
	memcpy(out->host, host.p, host.n);
	return true;
}
