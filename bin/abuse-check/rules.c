/*
 * rules: what the settings say about addresses: rules that block, and lists of
 * addresses that are always or never blocked.
 *
 * Trust: settings were checked when they were compiled; an entry that cannot be
 * read all the same is left out.
 */
#include "base/base.h"
#include "abuse.h"

#include "base/mem.h"

static uint32_t
services_of(const char *name)
{
	int service = abuse_service_named(span_of(name));

	return service >= 0 ? 1u << service : (1u << ABUSE_SERVICES) - 1;
}

static void
read_rules(struct abuse *a, const struct settings *s)
{
	static const char list[] = "abuseDetection/rule";
	size_t n = settings_count(s, list);

	a->rules = mem_array(n + 1, sizeof(*a->rules));
	for (size_t i = 0; i < n; i++) {
		struct span kind = span_of(settings_entry(s, list, i, "kind"));
		struct rule r = {
			.services = services_of(settings_entry(s, list, i, "service")),
			.frame_s = (uint32_t)settings_entry_num(s, list, i, "timeFrame") * 60,
			.count = (uint32_t)settings_entry_num(s, list, i, "count"),
			.block_s = (uint32_t)settings_entry_num(s, list, i, "blockMinutes") * 60,
		};

		if (span_is(kind, "badSessions"))
			r.kind = RULE_BAD_SESSIONS;
		else if (span_is(kind, "logins"))
			r.kind = RULE_LOGINS;
		else if (!span_is(kind, "connections"))
			continue;	/* counted elsewhere: messages */
		if (r.count > 0)
			a->rules[a->rule_count++] = r;
	}
}

/* One address or network in `ip`, or the range ipFrom to ipTo. */
static bool
read_range(const struct settings *s, const char *list, size_t i, struct addr_range *out)
{
	const char *ip = settings_entry(s, list, i, "ip");
	char text[2 * ADDR_TEXT_MAX];

	if (ip[0] != '\0')
		return addr_range_parse(span_of(ip), out);
	snprintf(text, sizeof(text), "%s-%s", settings_entry(s, list, i, "ipFrom"), settings_entry(s, list, i, "ipTo"));
	return addr_range_parse(span_of(text), out);
}

static struct listed *
read_list(const struct settings *s, const char *list, size_t *n_out)
{
	static const char *const fields[ABUSE_SERVICES] = { "smtp", "pop", "imap" };
	size_t n = settings_count(s, list);
	struct listed *all = mem_array(n + 1, sizeof(*all));

	*n_out = 0;
	for (size_t i = 0; i < n; i++) {
		struct listed *one = &all[*n_out];

		if (!read_range(s, list, i, &one->range))
			continue;
		one->services = 0;
		for (int k = 0; k < ABUSE_SERVICES; k++)
			if (settings_entry_bool(s, list, i, fields[k]))
				one->services |= 1u << k;
		(*n_out)++;
	}
	return all;
}

void
abuse_read_settings(struct abuse *a)
{
	const struct settings *s = a->svc.settings;

	read_rules(a, s);
	a->black = read_list(s, "blacklist/entry", &a->black_count);
	a->white = read_list(s, "whitelist/entry", &a->white_count);
	a->most_open[ABUSE_SMTP] = settings_num(s, "smtpMaxConnectionsPerIp");
	a->most_open[ABUSE_POP] = settings_num(s, "popMaxConnectionsPerIp");
	a->most_open[ABUSE_IMAP] = settings_num(s, "imapMaxConnectionsPerIp");
}

bool
abuse_is_listed(const struct listed *list, size_t n, const struct addr *ip, int service)
{
	for (size_t i = 0; i < n; i++)
		if ((list[i].services >> service & 1) && addr_in_range(ip, &list[i].range))
			return true;
	return false;
}
