/*
 * tls_rules: what the rules of sslRules do to the list of ports.
 *
 * A rule names ports on an address (or on all).  A port that is not in the list
 * yet is opened.  One that is there becomes what the type of the rule says: TLS
 * from the first byte, or after STARTTLS.  Certificates are the listeners' affair.
 */
#include "base/base.h"
#include "master.h"

static const struct protocol {
	const char *field;
	const char *plain, *encrypted;
} protocols[] = {
	{ "smtpPort", "smtp", "smtps" }, { "popPort", "pop3", "pop3s" }, { "imapPort", "imap", "imaps" },
};

/* One port of one rule. */
struct rule {
	const struct protocol *protocol;
	bool has_ip, is_ssl;
	struct port_rule port;
	struct addr ip;
};

static bool
speaks(const struct protocol *p, const char *listener)
{
	return strcmp(listener, p->plain) == 0 || strcmp(listener, p->encrypted) == 0 ||
		(p == &protocols[0] && strcmp(listener, "submission") == 0);
}

/* Does the rule mean this port of the list?  *partly: it means one address of those behind it. */
static bool
covers(const struct rule *r, const struct port *p, bool *partly)
{
	*partly = false;
	if (p->addr.port != r->port.number)
		return false;
	*partly = r->has_ip && addr_is_unspecified(&p->addr) && r->ip.family == p->addr.family &&
		!addr_is_unspecified(&r->ip);
	return !r->has_ip || *partly || addr_eq_ip(&r->ip, &p->addr);
}

/* False after a message; *found when the port is in the list. */
static bool
change_listed(const struct rule *r, struct port *ports, size_t count, bool *found, struct buf *errors)
{
	for (size_t i = 0; i < count; i++) {
		struct port *p = &ports[i];
		char text[ADDR_TEXT_MAX];
		bool partly;

		if (!covers(r, p, &partly))
			continue;
		*found = true;
		if (speaks(r->protocol, p->listener)
		    && (strcmp(p->listener, r->protocol->encrypted) == 0) == r->is_ssl)
			continue;
		if (!speaks(r->protocol, p->listener) || partly) {
			buf_printf(errors, "sslRules/rule/%s: port %s serves %s already\n", r->protocol->field,
				addr_print_port(&p->addr, text, sizeof(text)), p->listener);
			return false;
		}
		(void)snprintf(p->listener, sizeof(p->listener), "%s", r->port.listener);
	}
	return true;
}

static bool
apply(const struct master *m, const struct settings *s, const struct rule *r, struct port *ports, size_t *count,
	struct buf *errors)
{
	struct port want = { .fd = -1, .addr = r->ip };
	bool found = false;

	if (!change_listed(r, ports, *count, &found, errors))
		return false;
	if (found)
		return true;
	if (!r->has_ip)
		return sockets_add_everywhere(m, s, ports, count, &r->port, errors);
	(void)snprintf(want.listener, sizeof(want.listener), "%s", r->port.listener);
	want.addr.port = (uint16_t)r->port.number;
	return sockets_add(m, ports, count, &want, errors);
}

/* RFC 6409 3.1: port 587 is for submission. */
static const char *
listener_of(const struct rule *r)
{
	if (r->is_ssl)
		return r->protocol->encrypted;
	return r->protocol == &protocols[0] && r->port.number == 587 ? "submission" : r->protocol->plain;
}

bool
tls_rules_ports(const struct master *m, const struct settings *s, struct port *ports, size_t *count,
	struct buf *errors)
{
	static const char list[] = "sslRules/rule";

	for (size_t i = 0; i < settings_count(s, list) * PB_COUNT(protocols); i++) {
		const struct protocol *p = &protocols[i % PB_COUNT(protocols)];
		size_t at = i / PB_COUNT(protocols);
		const char *ip = settings_entry(s, list, at, "ipAddress");
		struct rule r = { .protocol = p, .has_ip = *ip != '\0',
			.is_ssl = strcmp(settings_entry(s, list, at, "type"), "SSL") == 0,
			.port.number = settings_entry_num(s, list, at, p->field) };

		if (r.port.number == 0)
			continue;
		r.port.listener = listener_of(&r);
		if (r.has_ip && !addr_parse(span_of(ip), &r.ip)) {
			buf_printf(errors, "sslRules/rule/ipAddress: \"%s\" is not an address\n", ip);
			return false;
		}
		if (!apply(m, s, &r, ports, count, errors))
			return false;
	}
	return true;
}
