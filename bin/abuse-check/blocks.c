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
/* Room for the longest line of a list and the key of the next one. */
#define LIST_ROOM 256

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

	if (!parse_block(key, value, &ip, &services))
		return 0;
	/* Who was put on the whitelist meanwhile is let in by it. */
	for (int i = 0; i < ABUSE_SERVICES; i++)
		if (abuse_is_listed(a->white, a->white_count, &ip, i))
			services &= ~(1u << i);
	if (services != 0) {
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

struct known {
	struct span key;
	uint32_t services;
	int64_t until;
};

static int
read_known(struct span key, struct span value, int64_t expires, void *ctx)
{
	struct known *k = ctx;
	struct addr ip;

	if (span_eq(key, k->key) && parse_block(key, value, &ip, &k->services))
		k->until = expires;
	return 1;
}

/* As in the map: a block of another service joins the one there is, which never gets shorter. */
static void
add_known(struct abuse *a, struct span key, uint32_t *services, int64_t *until)
{
	struct known k = { .key = key };

	if (state_each(a->state, key, now_s(), read_known, &k) < 0)
		trouble(a, "read");
	*services |= k.services;
	if (k.until > *until)
		*until = k.until;
}

void
blocks_add(struct abuse *a, const struct addr *ip, uint32_t services, uint32_t seconds, const char *why)
{
	struct addr network = addr_prefix(ip, 32, 64);
	int64_t until = now_s() + seconds;
	char text[ADDR_TEXT_MAX], value[16];
	uint8_t key[16];

	addr_print(&network, text, sizeof(text));
	abuse_key(ip, key);
	abuse_map_block(a->map, key, services, until, now_s());
	add_known(a, span_of(text), &services, &until);
	snprintf(value, sizeof(value), "%u", services);
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

struct listing {
	struct buf *reply;
	int64_t now;
};

static int
list_one(struct span key, struct span value, int64_t expires, void *ctx)
{
	struct listing *l = ctx;
	uint32_t services;
	struct addr ip;

	if (!parse_block(key, value, &ip, &services))
		return 0;
	if (l->reply->n > LIMIT_RECORD - LIST_ROOM) {
		record_add(l->reply, "next", key);
		return 1;
	}
	buf_printf(l->reply, "block=%.*s %lld", SPAN_ARG(key), (long long)(expires - l->now));
	for (int i = 0; i < ABUSE_SERVICES; i++)
		if (services >> i & 1)
			buf_printf(l->reply, " %s", abuse_service_name(i));
	buf_char(l->reply, '\n');
	return 0;
}

void
blocks_list(struct abuse *a, struct span from, struct buf *reply)
{
	struct listing l = { .reply = reply, .now = now_s() };

	record_begin(reply, "ok");
	if (state_each(a->state, from, l.now, list_one, &l) < 0)
		trouble(a, "list");
}
