/*
 * blocks: the addresses that are blocked now, in the map that listeners read
 * and in a database that a restart reads again.
 *
 * Key: the address as text; value: the services as a decimal number.
 */
#include "base/base.h"
#include "abuse.h"

#include <errno.h>

#include "base/die.h"
#include "base/limits.h"
#include "base/num.h"
#include "base/record.h"
#include "sys/clock.h"

#define CACHE_BYTES (1u << 20)

static int64_t
now_s(void)
{
	return clock_wall_ms() / 1000;
}

static bool
parse_block(struct span key, struct span value, struct addr *ip, uint32_t *services)
{
	return addr_parse(key, ip) && num_parse_u32(value, (1u << ABUSE_SERVICES) - 1, services);
}

static int
load_one(struct span key, struct span value, int64_t expires, void *ctx)
{
	struct abuse *a = ctx;
	struct addr ip;
	uint32_t services;
	uint8_t network[16];

	if (parse_block(key, value, &ip, &services)) {
		abuse_key(&ip, network);
		abuse_map_block(a->map, network, services, expires, now_s());
	}
	return 0;
}

/* What cannot be kept is said once; blocks then last until the next restart. */
static void
trouble(struct abuse *a, const char *doing)
{
	log_failure(&a->svc, "", "", "event=database-failed doing=%s error=\"%s\"", doing, state_why());
	if (errno == EIO)
		die(EXIT_TRY_LATER, "database: %s", state_why());
}

void
blocks_open(struct abuse *a, const char *home)
{
	enum state_found found;

	if (state_open(&a->state, home, "blocks.db", CACHE_BYTES, &found) != 0)
		die(EXIT_TRY_LATER, "database in %s: %s", home, state_why());
	if (found == STATE_FOUND_BAD)
		log_failure(&a->svc, "", "", "event=database-damaged");
	if (state_each(a->state, SPAN_NONE, now_s(), load_one, a) < 0)
		trouble(a, "load");
}

void
blocks_tend(struct abuse *a)
{
	if (state_tend(a->state, now_s()) != 0)
		trouble(a, "tend");
}

void
blocks_add(struct abuse *a, const struct addr *ip, uint32_t services, uint32_t seconds, const char *why)
{
	struct addr network = addr_prefix(ip, 32, 64);
	int64_t until = now_s() + seconds;
	char text[ADDR_TEXT_MAX], value[16];
	uint8_t key[16];

	addr_print(&network, text, sizeof(text));
	snprintf(value, sizeof(value), "%u", services);
	abuse_key(ip, key);
	abuse_map_block(a->map, key, services, until, now_s());
	if (state_put(a->state, span_of(text), span_of(value), until) != 0)
		trouble(a, "block");
	log_line(&a->svc, "", text, "event=blocked reason=%s seconds=%u", why, seconds);
}

bool
blocks_lift(struct abuse *a, const struct addr *ip)
{
	struct addr network = addr_prefix(ip, 32, 64);
	char text[ADDR_TEXT_MAX];
	uint8_t key[16];

	addr_print(&network, text, sizeof(text));
	abuse_key(ip, key);
	if (state_delete(a->state, span_of(text)) != 0)
		trouble(a, "lift");
	if (!abuse_map_lift(a->map, key))
		return false;
	log_line(&a->svc, "", text, "event=block-lifted");
	return true;
}

static int
list_one(struct span key, struct span value, int64_t expires, void *ctx)
{
	struct buf *reply = ctx;
	struct addr ip;
	uint32_t services;

	if (parse_block(key, value, &ip, &services) && reply->n < LIMIT_RECORD / 2)
		buf_printf(reply, "block=%.*s %u %lld\n", SPAN_ARG(key), services, (long long)expires);
	return 0;
}

void
blocks_list(struct abuse *a, struct buf *reply)
{
	record_begin(reply, "ok");
	if (state_each(a->state, SPAN_NONE, now_s(), list_one, reply) < 0)
		trouble(a, "list");
}
