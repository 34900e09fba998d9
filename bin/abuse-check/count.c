/*
 * count: what addresses do, and when it is too much.
 *
 * Purposes in the table: rule i is i; open sessions and failed log-ins have
 * numbers above all rules.
 */
#include "base/base.h"
#include "abuse.h"

#include "base/limits.h"
#include "delay.h"
#include "sys/clock.h"

#define PURPOSE_OPEN 0x10000u		/* + service */
#define PURPOSE_FAILED 0x20000u

/* Failed log-ins are forgotten after this long. */
#define FAILED_FRAME_S 900

static int64_t
now_s(void)
{
	return clock_wall_ms() / 1000;
}

/* Count one event by all rules of its kind; block where one is crossed. */
static void
apply_rules(struct abuse *a, const struct addr *ip, int service, enum rule_kind kind)
{
	static const char *const why[] = { "connections", "bad-sessions", "failed-logins" };
	uint8_t key[16];

	if (abuse_is_listed(a->white, a->white_count, ip, service))
		return;
	abuse_key(ip, key);
	for (size_t i = 0; i < a->rule_count; i++) {
		const struct rule *r = &a->rules[i];

		if (r->kind != kind || !(r->services >> service & 1))
			continue;
		if (table_count(a->table, key, i, 1, now_s(), r->frame_s) >= r->count) {
			table_reset(a->table, key, i);
			blocks_add(a, ip, r->services, r->block_s, why[kind]);
		}
	}
}

bool
abuse_would_admit(const struct abuse *a, const struct addr *ip, int service, char *why, size_t size)
{
	uint8_t key[16];

	abuse_key(ip, key);
	if (abuse_is_listed(a->white, a->white_count, ip, service))
		return true;
	if (abuse_is_listed(a->black, a->black_count, ip, service)) {
		snprintf(why, size, "Your address is not served here");
		return false;
	}
	if (abuse_map_is_blocked(a->map, key, service, now_s())) {
		snprintf(why, size, "Your address is blocked for some time");
		return false;
	}
	return true;
}

bool
abuse_connect(struct abuse *a, const struct addr *ip, int service, char *why, size_t size)
{
	bool trusted = abuse_is_listed(a->white, a->white_count, ip, service);
	uint8_t key[16];

	if (!abuse_would_admit(a, ip, service, why, size))
		return false;
	abuse_key(ip, key);
	apply_rules(a, ip, service, RULE_CONNECTIONS);
	if (table_open(a->table, key, PURPOSE_OPEN + (unsigned)service) > a->most_open[service] &&
	    a->most_open[service] > 0 && !trusted) {
		table_close(a->table, key, PURPOSE_OPEN + (unsigned)service);
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
	table_close(a->table, key, PURPOSE_OPEN + (unsigned)service);
}

void
abuse_bad_session(struct abuse *a, const struct addr *ip, int service)
{
	apply_rules(a, ip, service, RULE_BAD_SESSIONS);
}

uint32_t
abuse_failed_login(struct abuse *a, const struct addr *ip, int service, struct span user)
{
	char text[ADDR_TEXT_MAX], quoted[LIMIT_LOGIN_NAME * 4 + 16];
	struct buf line;
	uint8_t key[16];
	uint32_t failed;

	abuse_key(ip, key);
	failed = table_count(a->table, key, PURPOSE_FAILED, 1, now_s(), FAILED_FRAME_S);
	buf_init_fixed(&line, quoted, sizeof(quoted));
	log_value(&line, "user", user);
	log_line(&a->svc, "", addr_print(ip, text, sizeof(text)), "event=login-failed service=%s%s failures=%u",
		abuse_service_name(service), buf_text(&line), failed);
	apply_rules(a, ip, service, RULE_LOGINS);
	return delay_of_failures(failed);
}

void
abuse_good_login(struct abuse *a, const struct addr *ip, int service)
{
	uint8_t key[16];

	(void)service;
	abuse_key(ip, key);
	table_reset(a->table, key, PURPOSE_FAILED);
}
