/* The cache of scan-check: what is kept, how long, and how much. */
#include "base/base.h"
#include "cache.h"

#include "base/limits.h"
#include "tap.h"

static void
test_time(void)
{
	struct cache *c = cache_new(1);

	ok(cache_get(c, SPAN("a"), 0).p == NULL, "nothing is there at first");
	cache_put(c, SPAN("a"), SPAN("one"), 1000, 2000);
	is_span(cache_get(c, SPAN("a"), 1999), "one", "kept until its time is over");
	ok(cache_get(c, SPAN("a"), 2000).p == NULL, "and not longer");
	ok(cache_get(c, SPAN("b"), 1500).p == NULL, "another key is another entry");
	cache_put(c, SPAN("a"), SPAN("two"), 1500, 9000);
	is_span(cache_get(c, SPAN("a"), 3000), "two", "the last value holds");
	cache_put(c, SPAN("a"), SPAN("three"), 4000, 4000);
	is_span(cache_get(c, SPAN("a"), 4000), "two", "what is over already is not put");
	cache_put(c, SPAN("e"), SPAN(""), 1, 9000);
	ok(cache_get(c, SPAN("e"), 2).p != NULL, "an empty value is one");
	cache_free(&c);
	ok(c == NULL, "freed");
}

static void
test_size(void)
{
	static char text[LIMIT_SCAN_CACHED + 1];
	struct cache *c = cache_new(2);

	memset(text, 'x', sizeof(text));
	cache_put(c, span_make(text, LIMIT_SCAN_CACHED), span_make(text, LIMIT_SCAN_CACHED), 0, 100);
	ok(cache_get(c, span_make(text, LIMIT_SCAN_CACHED), 1).n == LIMIT_SCAN_CACHED, "texts at LIMIT_SCAN_CACHED are kept");
	cache_put(c, span_make(text, sizeof(text)), SPAN("v"), 0, 100);
	ok(cache_get(c, span_make(text, sizeof(text)), 1).p == NULL, "a key over LIMIT_SCAN_CACHED is not");
	cache_put(c, SPAN("k"), span_make(text, sizeof(text)), 0, 100);
	ok(cache_get(c, SPAN("k"), 1).p == NULL, "nor a value");
	cache_free(&c);
}

/* Of many more keys than there is room for, no more than that are kept, and those that end last. */
static void
test_many(void)
{
	struct cache *c = cache_new(3);
	size_t short_kept = 0, long_kept = 0;
	char key[32];

	for (unsigned i = 0; i < 8 * CACHE_ENTRIES; i++) {
		int n = snprintf(key, sizeof(key), "%s%u", i % 16 == 0 ? "long" : "short", i);

		cache_put(c, span_make(key, (size_t)n), SPAN("v"), 0, i % 16 == 0 ? 1000000 : 1000 + i / 1000);
	}
	for (unsigned i = 0; i < 8 * CACHE_ENTRIES; i++) {
		int n = snprintf(key, sizeof(key), "%s%u", i % 16 == 0 ? "long" : "short", i);

		if (cache_get(c, span_make(key, (size_t)n), 1).p != NULL)
			i % 16 == 0 ? long_kept++ : short_kept++;
	}
	ok(long_kept + short_kept <= CACHE_ENTRIES, "no more than CACHE_ENTRIES: %zu", long_kept + short_kept);
	ok(long_kept > CACHE_ENTRIES / 2 * 9 / 10, "what ends last stays: %zu of %d", long_kept, CACHE_ENTRIES / 2);
	cache_free(&c);
}

int
main(void)
{
	test_time();
	test_size();
	test_many();
	return done();
}
