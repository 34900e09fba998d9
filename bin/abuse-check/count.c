/*
 * count: sessions of addresses, and when there are too many.
 */
#include "base/base.h"
#include "abuse.h"

#include "check/abuse_client.h"
#include "notice.h"
#include "policy/abuse.h"
#include "sys/clock.h"

static int64_t
wall_s(void)
{
	return clock_wall_ms() / 1000;
}

static bool
is_trusted(const struct abuse *a, const struct addr *ip, int service)
{
	return abuse_is_listed(a->white, a->white_count, ip, service);
}

static void
apply(struct abuse *a, struct rule *r, struct crossing *c)
{
	c->count = table_count(a->addresses, c->key, r->number, 1, abuse_now_s(), r->frame_s);
	if (!rule_is_crossed(r, c))
		return;
	table_reset(a->addresses, c->key, r->number);
	if (r->block_s > 0)
		blocks_add(a, c->ip, r->services, r->block_s, span_of(rule_kind_name(r->kind)));
	notice_crossing(a, r, c);
}

void
abuse_apply_rules(struct abuse *a, const struct addr *ip, int service, enum rule_kind kind, struct span account)
{
	uint8_t key[16];

	if (is_trusted(a, ip, service))
		return;
	abuse_key(ip, key);
	for (size_t i = 0; i < a->rule_count; i++) {
		struct rule *r = &a->rules[i];
		struct crossing c = { .key = key, .ip = ip, .account = account };

		if (r->kind == kind && (r->services >> service & 1))
			apply(a, r, &c);
	}
}

/* False, with the reason in words. */
static bool
is_admitted(const struct policy_admission *facts, char *why, size_t size)
{
	switch (policy_admission(facts)) {
	case POLICY_ADMITTED:
		return true;
	case POLICY_BLOCKED:
		snprintf(why, size, ABUSE_BLOCKED_TEXT);
		break;
	case POLICY_TOO_MANY:
		snprintf(why, size, "Too many connections from your address");
		break;
	}
	return false;
}

bool
abuse_would_serve(const struct abuse *a, const struct addr *ip, int service, char *why, size_t size)
{
	struct policy_admission facts = { .is_white = is_trusted(a, ip, service) };
	uint8_t key[16];

	abuse_key(ip, key);
	facts.is_blocked = abuse_map_is_blocked(a->map, key, service, wall_s());
	return is_admitted(&facts, why, size);
}

bool
abuse_connect(struct abuse *a, const struct addr *ip, int service, char *why, size_t size)
{
	struct policy_admission facts = { .is_white = is_trusted(a, ip, service), .open_max = a->most_open[service] };
	uint8_t key[16];

	if (!abuse_would_serve(a, ip, service, why, size))
		return false;
	abuse_key(ip, key);
	abuse_apply_rules(a, ip, service, RULE_DOS, SPAN_NONE);
	facts.open = table_open(a->addresses, key, PURPOSE_OPEN + (unsigned)service, abuse_now_s());
	if (is_admitted(&facts, why, size))
		return true;
	table_close(a->addresses, key, PURPOSE_OPEN + (unsigned)service);
	return false;
}

void
abuse_disconnect(struct abuse *a, const struct addr *ip, int service)
{
	uint8_t key[16];

	abuse_key(ip, key);
	table_close(a->addresses, key, PURPOSE_OPEN + (unsigned)service);
}

void
abuse_bad_session(struct abuse *a, const struct addr *ip, int service)
{
	abuse_apply_rules(a, ip, service, RULE_BAD_SESSIONS, SPAN_NONE);
}
