/*
 * count: sessions of addresses, and when there are too many.
 */
#include "base/base.h"
#include "abuse.h"

#include "check/abuse_client.h"
#include "notice.h"
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
crossed(struct abuse *a, struct rule *r, const uint8_t key[16], const struct addr *ip, struct span account, uint32_t count)
{
	struct crossing c = { .key = key, .ip = ip, .account = account, .count = count };

	if (r->block_s > 0)
		blocks_add(a, ip, r->services, r->block_s, span_of(rule_kind_name(r->kind)));
	notice_crossing(a, r, &c);
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
		uint32_t count;

		if (r->kind != kind || !(r->services >> service & 1))
			continue;
		count = table_count(a->addresses, key, r->number, 1, abuse_now_s(), r->frame_s);
		if (count < r->count)
			continue;
		table_reset(a->addresses, key, r->number);
		crossed(a, r, key, ip, account, count);
	}
}

bool
abuse_would_serve(const struct abuse *a, const struct addr *ip, int service, char *why, size_t size)
{
	uint8_t key[16];

	abuse_key(ip, key);
	if (is_trusted(a, ip, service))
		return true;
	if (abuse_map_is_blocked(a->map, key, service, wall_s())) {
		snprintf(why, size, ABUSE_BLOCKED_TEXT);
		return false;
	}
	return true;
}

bool
abuse_connect(struct abuse *a, const struct addr *ip, int service, char *why, size_t size)
{
	bool trusted = is_trusted(a, ip, service);
	uint8_t key[16];

	if (!abuse_would_serve(a, ip, service, why, size))
		return false;
	abuse_key(ip, key);
	abuse_apply_rules(a, ip, service, RULE_DOS, SPAN_NONE);
	if (table_open(a->addresses, key, PURPOSE_OPEN + (unsigned)service, abuse_now_s()) > a->most_open[service] &&
	    a->most_open[service] > 0 && !trusted) {
		table_close(a->addresses, key, PURPOSE_OPEN + (unsigned)service);
		snprintf(why, size, "Too many connections from your address");
		return false;
	}
	return true;
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
