/*
 * blocks: the addresses that are blocked now, in the map that listeners read
 * and in a database that a restart reads again.
 *
 * Key: "ADDRESS SERVICE"; value: the reason.
 *
 * Invariant: the database holds no block that the map does not, so its size is
 * bounded as that of the map is.
 */
#include "base/base.h"
#include "abuse.h"

#include <errno.h>

#include "base/die.h"
#include "base/limits.h"
#include "base/record.h"
#include "sys/clock.h"

#define CACHE_BYTES (1u << 20)
/* Room for the longest line of a list and the key of the next one. */
#define LIST_ROOM 1024
#define KEY_MAX (ADDR_TEXT_MAX + 8)

static int64_t
now_s(void)
{
	return clock_wall_ms() / 1000;
}

static struct span
print_key(const struct addr *ip, int service, char out[KEY_MAX])
{
	struct addr network = addr_prefix(ip, 32, 64);
	char text[ADDR_TEXT_MAX];

	snprintf(out, KEY_MAX, "%s %s", addr_print(&network, text, sizeof(text)), abuse_service_name(service));
	return span_of(out);
}

static bool
parse_key(struct span key, struct addr *ip, int *service)
{
	struct span address = span_word(&key);

	*service = abuse_service_named(span_word(&key));
	return *service >= 0 && addr_parse(address, ip);
}

/* What cannot be kept is said once; blocks then last until the next restart. */
static void
trouble(struct abuse *a, const char *doing)
{
	int error = errno;

	log_failure(&a->svc, "", "", "event=database-failed doing=%s error=\"%s\"", doing, state_why());
	if (error == EIO)
		die(EXIT_TRY_LATER, "database: %s", state_why());
}

static void
forget(struct abuse *a, const struct addr *ip, int service)
{
	char key[KEY_MAX];

	if (state_delete(a->state, print_key(ip, service, key)) != 0)
		trouble(a, "lift");
}

/* Into the map; what gives way there goes from the database too. */
static void
publish(struct abuse *a, const struct addr *ip, int service, int64_t until)
{
	uint8_t key[16], lost[16];
	struct addr other;

	abuse_key(ip, key);
	if (!abuse_map_block(a->map, key, service, until, now_s(), lost))
		return;
	abuse_key_addr(lost, &other);
	for (int i = 0; i < ABUSE_SERVICES; i++)
		forget(a, &other, i);
}

static int
load_one(struct span key, struct span value PB_UNUSED, int64_t expires, void *ctx)
{
	struct abuse *a = ctx;
	struct addr ip;
	int service;
	uint8_t network[16], lost[16];

	/* A network that was put on the whitelist meanwhile is let in by it, a part of it by those who listen. */
	if (!parse_key(key, &ip, &service) || abuse_is_network_listed(a->white, a->white_count, &ip, service))
		return 0;
	abuse_key(&ip, network);
	/* The database held no more than a map of this size. */
	(void)abuse_map_block(a->map, network, service, expires, now_s(), lost);
	return 0;
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
	int64_t until;
};

static int
read_known(struct span key, struct span value PB_UNUSED, int64_t expires, void *ctx)
{
	struct known *k = ctx;

	if (span_eq(key, k->key))
		k->until = expires;
	return 1;
}

/* When the present block of the key ends; 0 without one. */
static int64_t
present_end(struct abuse *a, struct span key)
{
	struct known k = { .key = key };

	if (state_each(a->state, key, now_s(), read_known, &k) < 0)
		trouble(a, "read");
	return k.until;
}

static void
add_one(struct abuse *a, const struct addr *ip, int service, int64_t until, struct span reason)
{
	char text[KEY_MAX];
	struct span key = print_key(ip, service, text);

	if (present_end(a, key) >= until)
		return;
	publish(a, ip, service, until);
	if (state_put(a->state, key, reason, until) != 0)
		trouble(a, "block");
}

void
blocks_add(struct abuse *a, const struct addr *ip, uint32_t services, uint32_t seconds, struct span reason)
{
	struct addr network = addr_prefix(ip, 32, 64);
	char text[ADDR_TEXT_MAX], storage[4 * LIMIT_BLOCK_REASON + 64];
	struct buf line;

	reason = span_first(reason, LIMIT_BLOCK_REASON);
	buf_init_fixed(&line, storage, sizeof(storage));
	log_value(&line, "reason", reason);
	for (int i = 0; i < ABUSE_SERVICES; i++)
		if (services >> i & 1) {
			add_one(a, ip, i, now_s() + seconds, reason);
			buf_printf(&line, " service=%s", abuse_service_name(i));
		}
	log_line(&a->svc, "", addr_print(&network, text, sizeof(text)), "event=blocked%s seconds=%u", buf_text(&line), seconds);
}

unsigned
blocks_lift(struct abuse *a, const struct addr *ip, uint32_t services)
{
	struct addr network = addr_prefix(ip, 32, 64);
	char text[ADDR_TEXT_MAX], key_text[KEY_MAX];
	unsigned lifted = 0;
	uint8_t key[16];

	abuse_key(ip, key);
	for (int i = 0; i < ABUSE_SERVICES; i++) {
		if (!(services >> i & 1) || present_end(a, print_key(ip, i, key_text)) == 0)
			continue;
		forget(a, ip, i);
		abuse_map_lift(a->map, key, i);
		lifted++;
	}
	if (lifted > 0)
		log_line(&a->svc, "", addr_print(&network, text, sizeof(text)), "event=block-lifted services=%u", lifted);
	return lifted;
}

struct listing {
	const struct abuse *a;
	const struct addr *of;
	struct buf *reply;
	int64_t now;
};

static int
list_one(struct span key, struct span value, int64_t expires, void *ctx)
{
	struct listing *l = ctx;
	char text[LIMIT_BLOCK_REASON + 128], address[ADDR_TEXT_MAX];
	struct addr ip;
	int service;

	if (!parse_key(key, &ip, &service) || (l->of != NULL && !addr_eq_ip(&ip, l->of)) ||
	    abuse_is_network_listed(l->a->white, l->a->white_count, &ip, service))
		return 0;
	if (l->reply->n > LIMIT_RECORD - LIST_ROOM) {
		record_add(l->reply, "next", key);
		return 1;
	}
	snprintf(text, sizeof(text), "%s %s %lld %.*s", addr_print(&ip, address, sizeof(address)),
		abuse_service_name(service), (long long)(expires - l->now), SPAN_ARG(span_first(value, LIMIT_BLOCK_REASON)));
	record_add_text(l->reply, "block", text);
	return 0;
}

void
blocks_list(struct abuse *a, const struct addr *of, struct span from, struct buf *reply)
{
	struct addr network = of != NULL ? addr_prefix(of, 32, 64) : (struct addr){ .family = 0 };
	struct listing l = { .a = a, .of = of != NULL ? &network : NULL, .reply = reply, .now = now_s() };

	record_begin(reply, "ok");
	if (state_each(a->state, from, l.now, list_one, &l) < 0)
		trouble(a, "list");
}
