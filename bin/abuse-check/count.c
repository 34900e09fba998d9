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
	char storage[ABUSE_WHY_SIZE];
	bool is_crossed;
	struct buf why;

	buf_init_fixed(&why, storage, sizeof(storage));
	c->count = table_count(a->addresses, c->key, r->number, 1, abuse_now_s(), r->frame_s);
	is_crossed = rule_is_crossed(r, c, &why);
	rule_log_decision(a, r, c->ip, &why);
	if (!is_crossed)
		return;
	table_reset(a->addresses, c->key, r->number);
	if (notice_is_new(a, r, c->key))
		notice_crossing(a, r, c);
	if (r->block_s > 0)
		blocks_add(a, c->ip, r->services, r->block_s, span_of(rule_kind_name(r->kind)));
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
is_admitted(const struct policy_admission *facts, struct buf *lines, char *why, size_t size)
{
	switch (policy_admission(facts, lines)) {
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

static bool
is_blocked(const struct abuse *a, const struct addr *ip, int service)
{
	uint8_t key[16];

	abuse_key(ip, key);
	return abuse_map_is_blocked(a->map, key, service, wall_s());
}

bool
abuse_would_serve(const struct abuse *a, const struct addr *ip, int service, char *why, size_t size)
{
	struct policy_admission facts = { .is_white = is_trusted(a, ip, service), .is_blocked = is_blocked(a, ip, service) };

	return is_admitted(&facts, NULL, why, size);
}

/* The decision, with the lines of what is held against the address. */
static bool
admit(struct abuse *a, const struct addr *ip, int service, const struct policy_admission *facts, char *why, size_t size)
{
	char storage[ABUSE_WHY_SIZE], rest[32];
	struct buf lines;
	bool good;

	buf_init_fixed(&lines, storage, sizeof(storage));
	good = is_admitted(facts, &lines, why, size);
	snprintf(rest, sizeof(rest), " service=%s", abuse_service_name(service));
	abuse_log_decision(a, ip, "connect", &lines, rest);
	return good;
}

bool
abuse_connect(struct abuse *a, const struct addr *ip, int service, char *why, size_t size)
{
	struct policy_admission facts = { .is_white = is_trusted(a, ip, service), .is_blocked = is_blocked(a, ip, service),
		.open_max = a->most_open[service] };
	uint8_t key[16];

	if (!admit(a, ip, service, &facts, why, size))
		return false;
	facts.is_blocked = false;	/* the one who is blocked by what follows is still served */
	abuse_key(ip, key);
	abuse_apply_rules(a, ip, service, RULE_DOS, SPAN_NONE);
	facts.open = table_open(a->addresses, key, PURPOSE_OPEN + (unsigned)service, abuse_now_s());
	if (admit(a, ip, service, &facts, why, size))
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
