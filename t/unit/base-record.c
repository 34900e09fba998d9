/* Records survive a round trip, and what is not a record is refused. */
#include "base/base.h"
#include "base/record.h"
#include "tap.h"

static void
test_round_trip(void)
{
	struct buf text;
	struct record r;
	uint64_t n = 0;

	buf_init(&text, 1024);
	record_begin(&text, "commit");
	record_add_text(&text, "from", "a\\b\r\nc=d");
	record_add_num(&text, "size", 18446744073709551615ull);
	record_add_text(&text, "rcpt", "x");
	record_add_text(&text, "rcpt", "y");
	ok(!text.overflow && record_parse(buf_view(&text), 8, &r), "a record that was written is read");
	is_span(r.verb, "commit", "the verb");
	is_span(record_get(&r, "from"), "a\\b\r\nc=d", "a value with control characters");
	ok(record_get_num(&r, "size", UINT64_MAX, &n) && n == UINT64_MAX, "a number");
	is_span(record_get_nth(&r, "rcpt", 1), "y", "the second value of a repeated key");
	ok(record_get_nth(&r, "rcpt", 2).p == NULL, "no third value");
	ok(!record_get_num(&r, "rcpt", 10, &n), "a repeated key is not a number");
	record_free(&r);
	buf_free(&text);
}

static void
test_refused(void)
{
	static const char *const bad[] = {
		"", "verb", "\n", "verb\nkey\n", "verb\n=x\n", "verb\nKey=x\n",
		"verb\nk=a\\x\n", "verb\nk=a\\\n", "verb\n\n", "Verb\n", "verb\na=1\nb=2\nc=3\n"
	};
	struct record r;

	for (size_t i = 0; i < PB_COUNT(bad); i++)
		ok(!record_parse(span_of(bad[i]), 2, &r), "not a record: case %zu", i);
	ok(!record_parse(SPAN("verb\nk=\0\n"), 2, &r), "a NUL is refused");
}

int
main(void)
{
	test_round_trip();
	test_refused();
	return done();
}
