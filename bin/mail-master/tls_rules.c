/*
 * tls_rules: what the rules of sslRules do to the list of ports.
 *
 * A rule names ports on an address (or on all).  A port that is not in the list
 * yet is opened.  One that is there becomes what the type of the rule says: TLS
 * from the first byte, or after STARTTLS.  Whether users have to log in there is
 * the port's own affair and stays as it is.  Certificates are the listeners'.
 */
#include "base/base.h"
#include "master.h"

static const struct protocol {
	const char *field;
	/* Listeners of the protocol: for everybody, and where SMTP wants a log-in. */
	struct { const char *plain, *encrypted; } open, login;
} protocols[] = {
	{ "smtpPort", { "smtp", "smtp-tls" }, { "submission", "smtps" } },
	{ "popPort", { "pop3", "pop3s" }, { "pop3", "pop3s" } },
	{ "imapPort", { "imap", "imaps" }, { "imap", "imaps" } },
};

/* One port of one rule. */
struct rule {
	const struct protocol *protocol;
	bool has_ip, is_ssl;
	struct port_rule port;
	struct addr ip;
};

static bool
wants_login(const struct protocol *p, const char *listener)
{
	return strcmp(listener, p->login.plain) == 0 || strcmp(listener, p->login.encrypted) == 0;
}

static bool
speaks(const struct protocol *p, const char *listener)
{
	return strcmp(listener, p->open.plain) == 0 || strcmp(listener, p->open.encrypted) == 0 ||
		wants_login(p, listener);
}

/* What a port becomes by the type of the rule. */
static const char *
listener_of(const struct rule *r, bool login)
{
	const struct protocol *p = r->protocol;

	if (login)
		return r->is_ssl ? p->login.encrypted : p->login.plain;
	return r->is_ssl ? p->open.encrypted : p->open.plain;
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
		const char *becomes = listener_of(r, wants_login(r->protocol, p->listener));
		char text[ADDR_TEXT_MAX];
		bool partly;

		if (!covers(r, p, &partly))
			continue;
		*found = true;
		if (strcmp(p->listener, becomes) == 0)
			continue;
		if (!speaks(r->protocol, p->listener) || partly) {
			buf_printf(errors, "sslRules/rule/%s: port %s serves %s already\n", r->protocol->field,
				addr_print_port(&p->addr, text, sizeof(text)), p->listener);
			return false;
		}
		(void)snprintf(p->listener, sizeof(p->listener), "%s", becomes);
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

/* A port that the rule opens is for everybody; of those for submission two are known (RFC 6409 3.1, RFC 8314 7.3). */
static bool
is_submission(const struct rule *r)
{
	return r->port.number == 587 || r->port.number == 465;
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
		r.port.listener = listener_of(&r, is_submission(&r));
		if (r.has_ip && !addr_parse(span_of(ip), &r.ip)) {
			buf_printf(errors, "sslRules/rule/ipAddress: \"%s\" is not an address\n", ip);
			return false;
		}
		if (!apply(m, s, &r, ports, count, errors))
			return false;
	}
	return true;
}
