/* greylist-fill: see greylist-fill.h. */
#include "base/base.h"
#include "greylist-fill.h"

#include <endian.h>
#include "../../bin/greylist-check/record_value.h"

#define TEND_EVERY 200000		/* writes between checkpoints */

static const struct periods periods = { .block_s = 900, .pass_s = 21600, .keep_s = 36 * 86400 };

static uint64_t
mix(uint64_t n)
{
	n = (n ^ n >> 31) * 0x9e3779b97f4a7c15U;
	n = (n ^ n >> 29) * 0xbf58476d1ce4e5b9U;
	return n ^ n >> 32;
}

/* The n-th sender: another network, another address. */
struct sender {
	char from[64], to[64];
	struct triple c;
};

static void
make_sender(uint64_t n, struct sender *s)
{
	uint64_t r = mix(n + 1);

	s->c = (struct triple){ .client = { .family = AF_INET } };
	memcpy(s->c.client.ip, &r, 4);
	snprintf(s->from, sizeof(s->from), "user%llu@domain%llu.example", (unsigned long long)(r >> 32),
		(unsigned long long)(r & 0xffff));
	snprintf(s->to, sizeof(s->to), "mailbox%llu@example.com", (unsigned long long)(n % 10000));
	s->c.sender = span_of(s->from);
	s->c.recipient = span_of(s->to);
}

/* The n-th of `all` records that nobody asks for. */
static int
put_filler(struct state *db, uint64_t n, uint64_t all)
{
	unsigned char raw[RECORD_VALUE_MAX];
	struct record_key key = { { RECORD_CONTACT } };
	struct record_value v = { .kind = RECORD_WAITING, .first_s = GREYLIST_START, .last_s = GREYLIST_START,
		.origin = SPAN("192.0.2.0/24") };
	uint64_t place = htobe64(n * (UINT64_MAX / all)), rest = mix(n);
	struct sender s;

	make_sender(n, &s);
	v.sender = s.c.sender;
	v.recipient = s.c.recipient;
	memcpy(key.bytes + 1, &place, 8);
	memcpy(key.bytes + 9, &rest, 8);
	return state_put(db, span_make(key.bytes, sizeof(key.bytes)), span_make(raw, record_value_write(&v, raw)),
	    GREYLIST_START + periods.pass_s);
}

int
greylist_fill(struct state *db, uint64_t count)
{
	for (uint64_t n = 0; n < count; n++) {
		if ((n % 1000 == 0 && state_begin(db) < 0) || put_filler(db, n, count) < 0)
			return -1;
		if ((n % 1000 == 999 || n + 1 == count) && state_commit(db) < 0)
			return -1;
		if (n % TEND_EVERY == TEND_EVERY - 1 && state_tend(db, GREYLIST_START) < 0)
			return -1;
	}
	return 0;
}

const char *
greylist_deliver(struct records *records, uint64_t n)
{
	struct found network, domain;
	struct sender s;
	struct judged j;

	make_sender(n, &s);
	if (records_find(records, &s.c, &network, &domain) < 0)
		return NULL;
	j = judge(&periods, &network.seen, NULL, GREYLIST_START);
	if (j.writes && records_write(records, &s.c, &periods, &j, &network, &domain) < 0)
		return NULL;
	return j.name;
}
