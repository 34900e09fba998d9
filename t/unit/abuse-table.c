/* abuse-table: counters by address in constant memory; the time of a rule slides (ABUSE-03, ABUSE-07, ABUSE-11). */
#include "base/base.h"
#include "tap.h"

#include <malloc.h>
#include "../../bin/abuse-check/table.h"

#define ADDRESSES 1000000
#define BITS 16

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
counts(void)
{
	struct table *t = table_new(10);
	uint8_t a[16], b[16];

	number_key(1, a);
	number_key(2, b);
	is_num(table_count(t, a, 0, 1, 6000, 60), 1, "a first event");
	is_num(table_count(t, a, 0, 1, 6001, 60), 2, "a second one in the same frame");
	is_num(table_count(t, b, 0, 1, 6001, 60), 1, "another address has its own counter");
	is_num(table_count(t, a, 1, 1, 6001, 60), 1, "and so has another purpose");
	is_num(table_count(t, a, 2, 0, 6001, 60), 0, "asking does not count");
	is_num(table_count(t, a, 0, UINT32_MAX, 6020, 60), UINT32_MAX, "a counter stays at its end");
	is_num(table_count(t, a, 0, 5, 6020, 60), UINT32_MAX, "and does not wrap");
	table_reset(t, a, 0);
	is_num(table_count(t, a, 0, 1, 6021, 60), 1, "a reset begins anew");
	is_num(table_count(t, a, 0, 0, 5000, 60), 1, "a clock that was set back forgets nothing");
	is_num(table_count(t, a, 0, 0, 9000000, 60), 0, "and one that jumps ahead forgets all");
	table_free(&t);
	ok(t == NULL, "freed");
}

/*
 * The frame slides: n events, one every `gap` seconds, against a list of when they
 * were.  True when the answer was never below what the frame holds, nor above what
 * it held a slice and a second longer.
 */
static bool
slides(uint32_t frame, uint32_t gap, int64_t begin)
{
	struct table *t = table_new(4);
	enum { N = 400 };
	uint8_t key[16];
	bool good = true;

	number_key(7, key);
	for (int i = 0; i < N; i++) {
		int64_t now = begin + (int64_t)i * gap;
		uint32_t got = table_count(t, key, 0, 1, now, frame), least = 0, most = 0;

		for (int k = 0; k <= i; k++) {
			int64_t age = now - (begin + (int64_t)k * gap);

			least += age < frame;
			most += age <= frame + frame / 15 + 1;
		}
		good &= got >= least && got <= most;
	}
	table_free(&t);
	return good;
}

static void
windows(void)
{
	static const uint32_t frames[] = { 60, 300, 900, 86400 }, gaps[] = { 1, 3, 7, 61, 1000 };
	struct table *t = table_new(4);
	uint32_t wrong = 0;
	uint8_t key[16];

	for (size_t f = 0; f < 4; f++)
		for (size_t g = 0; g < 5; g++)
			for (int64_t begin = 0; begin < 100; begin += 33)
				wrong += !slides(frames[f], gaps[g], begin);
	is_num(wrong, 0, "a frame covers its seconds whenever it begins, and a fifteenth more at most");

	/* Half at the end of one minute, half at the beginning of the next. */
	number_key(8, key);
	table_count(t, key, 0, 10, 119, 60);
	is_num(table_count(t, key, 0, 10, 121, 60), 20, "nothing is forgotten at the border of a minute");
	is_num(table_count(t, key, 0, 0, 178, 60), 20, "not until the frame has passed");
	is_num(table_count(t, key, 0, 0, 186, 60), 0, "and then all is");
	table_free(&t);
}

static void
open_sessions(void)
{
	struct table *t = table_new(4);		/* 16 places for 1000 addresses */
	uint8_t key[16], other[16];

	number_key(7, key);
	is_num(table_open(t, key, 9, 6000), 1, "one open session");
	is_num(table_open(t, key, 9, 6000), 2, "two");
	for (uint32_t i = 100; i < 1100; i++) {
		number_key(i, other);
		(void)table_count(t, other, 0, 1, 6000 + i, 60);
	}
	is_num(table_open(t, key, 9, 8000), 3, "a flood of other addresses does not move open sessions");
	table_close(t, key, 9);
	table_close(t, key, 9);
	is_num(table_open(t, key, 9, 8000), 2, "each end is counted");
	for (uint32_t i = 0; i < 1000; i++) {
		number_key(i, other);
		(void)table_open(t, other, 9, 8000);
	}
	number_key(5000, other);
	is_num(table_open(t, other, 9, 8000), 0, "a full table counts no more, and says so");
	table_close(t, other, 9);
	for (int i = 0; i < 5; i++)
		table_close(t, key, 9);
	number_key(6000, other);
	table_close(t, other, 9);
	is_num(table_open(t, key, 9, 8000), 1, "ends without a beginning do nothing, and a place is free again");
	table_free(&t);
}

/* A million addresses do something once, among them one that goes on and on. */
static void
flood(void)
{
	struct table *t;
	struct mallinfo2 first = mallinfo2(), before, after;
	uint32_t wrong = 0, last = 0;
	uint8_t key[16], steady[16];

	t = table_new(BITS);
	before = mallinfo2();
	number_key(1, steady);
	for (uint32_t i = 0; i < ADDRESSES; i++) {
		number_key(i * 2654435761u + 2, key);
		wrong += table_count(t, key, 0, 1, 6000 + i / 20000, 300) != 1;
		if (i % 2000 == 0 || i < 10)
			last = table_count(t, steady, 0, 1, 6000 + i / 20000, 300);
	}
	after = mallinfo2();
	is_num(wrong, 0, "a million addresses: none is taken for another");
	is_num(after.uordblks + after.hblkhd, before.uordblks + before.hblkhd, "in the memory of the start");
	ok(before.uordblks + before.hblkhd - first.uordblks - first.hblkhd <
	   ((size_t)TABLE_ENTRY_BYTES << BITS) + 65536, "which is that of its entries");
	is_num(last, 509, "who goes on among them is counted to the last");
	table_free(&t);
}

static void
texts(void)
{
	struct table *t = table_new(4), *other = table_new(4);
	uint8_t a[16], b[16];
	uint32_t same = 0;

	table_text_key(t, SPAN("alice@example.com"), a);
	table_text_key(t, SPAN("alice@example.com"), b);
	ok(memcmp(a, b, 16) == 0, "a text has one key");
	table_text_key(other, SPAN("alice@example.com"), b);
	ok(memcmp(a, b, 16) != 0, "another one in another table");
	table_text_key(t, SPAN("alice@example.con"), b);
	ok(memcmp(a, b, 16) != 0, "and other texts have others");
	for (size_t n = 0; n < 40; n++) {
		static const char zeros[41];

		table_text_key(t, span_make(zeros, n), a);
		table_text_key(t, span_make(zeros, n + 1), b);
		same += memcmp(a, b, 16) == 0;
	}
	is_num(same, 0, "also when they differ in length alone");
	table_free(&t);
	table_free(&other);
}

int
main(void)
{
	counts();
	windows();
	open_sessions();
	flood();
	texts();
	return done();
}
