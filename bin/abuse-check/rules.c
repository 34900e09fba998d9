/*
 * rules: what the settings say about addresses: rules that block or tell, and
 * lists of addresses that are never blocked.
 *
 * Trust: settings were checked when they were compiled; an entry that cannot be
 * read all the same is left out.
 */
#include "base/base.h"
#include "abuse.h"

#include "base/mem.h"
#include "notice.h"
#include "policy/abuse.h"
#include "service/ip_list.h"
#include "sys/clock.h"

#define RULES "abuseDetection/rule"
#define ALL_SERVICES ((1u << ABUSE_SERVICES) - 1)

/* The names of kinds, and the fields that hold their numbers. */
static const struct {
	const char *name, *count;
	uint32_t services;	/* that can have this kind */
} kinds[] = {
	[RULE_DOS] = { "dos", "connections", ALL_SERVICES },
	[RULE_BAD_SESSIONS] = { "badSessions", "badSessions", 1u << ABUSE_SMTP },
	[RULE_LOGIN_FAILURES] = { "loginFailures", "loginFailures", ALL_SERVICES },
	[RULE_INTERNAL_SPAMMER] = { "internalSpammer", "messages", 1u << ABUSE_SMTP },
};

int64_t
abuse_now_s(void)
{
	return (int64_t)(clock_ms() / 1000);
}

const char *
rule_kind_name(enum rule_kind kind)
{
	return kinds[kind].name;
}

/* A service that we do not have yet (ldap) is none. */
static uint32_t
services_of(const char *name)
{
	int service = abuse_service_named(span_of(name));

	if (strcmp(name, "all") == 0)
		return ALL_SERVICES;
	return service >= 0 ? 1u << service : 0;
}

static uint32_t
number(const struct settings *s, size_t i, const char *field)
{
	return (uint32_t)settings_entry_num(s, RULES, i, field);
}

static void
read_rule(const struct settings *s, size_t i, struct rule *r)
{
	const char *notify = settings_entry(s, RULES, i, "notify");
	struct span kind = span_of(settings_entry(s, RULES, i, "kind"));

	while (r->kind < RULE_INTERNAL_SPAMMER && !span_is(kind, kinds[r->kind].name))
		r->kind++;
	r->number = (unsigned)i + 1;
	r->by_sender = strcmp(settings_entry(s, RULES, i, "match"), "volume") == 0;
	r->services = services_of(settings_entry(s, RULES, i, "service")) & kinds[r->kind].services;
	r->frame_s = number(s, i, "timeFrame") * 60;
	r->count = number(s, i, kinds[r->kind].count);
	r->block_s = number(s, i, "blockMinutes") * 60;
	snprintf(r->notify, sizeof(r->notify), "%s", notify[0] != '\0' ? notify : "postmaster");
}

static void
read_rules(struct abuse *a, const struct settings *s)
{
	size_t n = settings_count(s, RULES);

	a->rules = mem_array(n + 1, sizeof(*a->rules));
	for (size_t i = 0; i < n; i++) {
		struct rule r = { .kind = RULE_DOS };

		read_rule(s, i, &r);
		if (r.count > 0 && r.frame_s > 0 && r.services != 0)
			a->rules[a->rule_count++] = r;
	}
}

bool
rule_is_crossed(const struct rule *r, const struct crossing *c, struct buf *why)
{
	struct policy_rule facts = { rule_kind_name(r->kind), c->count, r->count,
		.must_exceed = r->kind == RULE_INTERNAL_SPAMMER,
		.is_fault = r->kind == RULE_BAD_SESSIONS || r->kind == RULE_LOGIN_FAILURES };

	return policy_rule_crossed(&facts, why);
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

		if (!ip_list_entry(s, list, i, &one->range))
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
	a->white = read_list(s, "whitelist/entry", &a->white_count);
	a->most_open[ABUSE_SMTP] = settings_num(s, "smtpMaxConnectionsPerIp");
	a->most_open[ABUSE_POP] = settings_num(s, "popMaxConnectionsPerIp");
	a->most_of_user[ABUSE_SMTP] = settings_num(s, "smtpMaxConnectionsPerUser");
	a->most_of_user[ABUSE_POP] = settings_num(s, "popMaxConnectionsPerUser");
	a->most_of_user[ABUSE_IMAP] = settings_num(s, "imapMaxConnectionsPerUser");
	a->most_open[ABUSE_IMAP] = settings_num(s, "imapMaxConnectionsPerIp");
}

bool
abuse_is_network_listed(const struct listed *list, size_t n, const struct addr *ip, int service)
{
	struct addr first = addr_prefix(ip, 32, 64), last = first;

	if (last.family == AF_INET6)
		memset(last.ip + 8, 0xff, 8);
	for (size_t i = 0; i < n; i++)
		if ((list[i].services >> service & 1) && addr_in_range(&first, &list[i].range) &&
		    addr_in_range(&last, &list[i].range))
			return true;
	return false;
}

bool
abuse_is_listed(const struct listed *list, size_t n, const struct addr *ip, int service)
{
	for (size_t i = 0; i < n; i++)
		if ((list[i].services >> service & 1) && addr_in_range(ip, &list[i].range))
			return true;
	return false;
}
