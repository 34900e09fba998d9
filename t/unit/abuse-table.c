/* abuse-table: counters by address in constant memory. */
#include "base/base.h"
#include "tap.h"

#include <malloc.h>
#include "../../bin/abuse-check/delay.h"
#include "../../bin/abuse-check/table.h"

#define ADDRESSES 200000

static void
number_key(uint32_t n, uint8_t key[16])
{
	memset(key, 0, 16);
	key[10] = key[11] = 0xff;
	key[12] = (uint8_t)(n >> 24);
	key[13] = (uint8_t)(n >> 16);
	key[14] = (uint8_t)(n >> 8);
	key[15] = (uint8_t)n;
}

static void
windows(void)
{
	struct table *t = table_new(10);
	uint8_t a[16], b[16];

	number_key(1, a);
	number_key(2, b);
	is_num(table_count(t, a, 0, 1, 6000, 60), 1, "a first event");
	is_num(table_count(t, a, 0, 1, 6001, 60), 2, "a second one in the same frame");
	is_num(table_count(t, b, 0, 1, 6001, 60), 1, "another address has its own counter");
	is_num(table_count(t, a, 1, 1, 6001, 60), 1, "and so has another purpose");
	is_num(table_count(t, a, 0, 8, 6059, 60), 10, "several at once");
	is_num(table_count(t, a, 0, 0, 6060, 60), 10, "the next frame still covers the one before");
	is_num(table_count(t, a, 0, 0, 6090, 60), 5, "by the half in its middle");
	is_num(table_count(t, a, 0, 0, 6120, 60), 0, "and not at all behind it");
	is_num(table_count(t, a, 0, UINT32_MAX, 6120, 60), UINT32_MAX, "a counter stays at its end");
	is_num(table_count(t, a, 0, 5, 6120, 60), UINT32_MAX, "and does not wrap");
	table_reset(t, a, 0);
	is_num(table_count(t, a, 0, 1, 6121, 60), 1, "a reset begins anew");
	is_num(table_count(t, b, 0, 1, 100, 60), 1, "a clock that was set back begins anew");
	table_free(&t);
	ok(t == NULL, "freed");
}

static void
open_sessions(void)
{
	struct table *t = table_new(4);		/* 16 places for 1000 addresses */
	uint8_t key[16], other[16];

	number_key(7, key);
	is_num(table_open(t, key, 9), 1, "one open session");
	is_num(table_open(t, key, 9), 2, "two");
	for (uint32_t i = 100; i < 1100; i++) {
		number_key(i, other);
		(void)table_count(t, other, 0, 1, 6000 + i, 60);
	}
	is_num(table_open(t, key, 9), 3, "a flood of other addresses does not move open sessions");
	table_close(t, key, 9);
	table_close(t, key, 9);
	is_num(table_open(t, key, 9), 2, "each end is counted");
	for (uint32_t i = 0; i < 1000; i++) {
		number_key(i, other);
		(void)table_open(t, other, 9);
	}
	number_key(5000, other);
	is_num(table_open(t, other, 9), 0, "a full table counts no more, and says so");
	table_close(t, other, 9);
	for (int i = 0; i < 5; i++)
		table_close(t, key, 9);
	number_key(6000, other);
	table_close(t, other, 9);
	ok(true, "ends without a beginning do nothing");
	table_free(&t);
}

static void
flood(void)
{
	struct table *t = table_new(16);
	struct mallinfo2 before, after;
	uint32_t wrong = 0;
	uint8_t key[16];

	before = mallinfo2();
	for (uint32_t i = 0; i < ADDRESSES; i++) {
		number_key(i * 2654435761u, key);
		wrong += table_count(t, key, 0, 1, 6000, 60) != 1;
	}
	after = mallinfo2();
	is_num(wrong, 0, "200,000 addresses: none is taken for another");
	is_num(after.uordblks + after.hblkhd, before.uordblks + before.hblkhd, "in the memory of the start");
	number_key(1, key);
	for (int i = 0; i < 10; i++)
		wrong = table_count(t, key, 0, 1, 6001, 60);
	is_num(wrong, 10, "and who goes on is still counted");
	table_free(&t);
}

static void
delays(void)
{
	static const uint32_t want[] = { 0, 0, 0, 2000, 4000, 8000, 15000, 15000, 15000 };
	size_t wrong = 0;

	for (uint32_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		wrong += delay_of_failures(i) != want[i];
	is_num(wrong, 0, "failed log-ins wait 0, 0, 2, 4, 8, then 15 seconds");
	is_num(delay_of_failures(UINT32_MAX), 15000, "for ever");
}

int
main(void)
{
	delays();
	windows();
	open_sessions();
	flood();
	return done();
}
