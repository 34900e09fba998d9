/* greylist-judge: what the times of records mean, as a table (pure). */
/* Features: GREY-02, GREY-03, GREY-04, GREY-05. */
#include "base/base.h"
#include "tap.h"

#include "../../bin/greylist-check/judge.h"

#define BLOCK 900
#define PASS 21600
#define KEEP (36 * 86400)
#define T 1000000

static const struct periods periods = { .block_s = BLOCK, .pass_s = PASS, .keep_s = KEEP };

#define NONE { SEEN_NOT, 0, 0 }
#define WAITS(first) { SEEN_WAITING, first, first }
#define PASSED(first, last) { SEEN_PASSED, first, last }

/* one record, that of the network, at time T */
static const struct {
	const char *what;
	struct seen record;
	bool passes;
	const char *name;
	int64_t earliest;		/* when it does not pass */
	bool writes;
} rows[] = {
	{ "never seen", NONE, false, "first-contact", T + BLOCK, true },
	{ "a retry at once", WAITS(T), false, "too-early", T + BLOCK, false },
	{ "a second before the end of the block period", WAITS(T - BLOCK + 1), false, "too-early", T + 1, false },
	{ "at its end", WAITS(T - BLOCK), true, "came-back", 0, true },
	{ "a second before the end of the pass period, counted from the first contact", WAITS(T - PASS + 1), true, "came-back", 0, true },
	{ "at its end the contact begins anew", WAITS(T - PASS), false, "too-late", T + BLOCK, true },
	{ "passed a moment ago", PASSED(T - 5000, T - 1), true, "passed-before", 0, false },
	{ "passed, and last used an hour ago: the use is noted", PASSED(T - 9000, T - JUDGE_PROLONG_S), true, "passed-before", 0, true },
	{ "not used for almost the time of expiry", PASSED(T - 2 * KEEP, T - KEEP + 1), true, "passed-before", 0, true },
	{ "not used for all of it", PASSED(T - 2 * KEEP, T - KEEP), false, "first-contact", T + BLOCK, true },
	{ "from the future, since the clock was set back", WAITS(T + 1), false, "first-contact", T + BLOCK, true },
	{ "passed in the future", PASSED(T - 5, T + 100), false, "first-contact", T + BLOCK, true },
};

static void
table(void)
{
	for (size_t i = 0; i < PB_COUNT(rows); i++) {
		struct judged j = judge(&periods, &rows[i].record, NULL, T);

		is_text(j.name, rows[i].name, rows[i].what);
		is_num(j.passes, rows[i].passes, "... verdict");
		is_num(j.earliest_s, rows[i].earliest, "... earliest retry");
		is_num(j.writes, rows[i].writes, "... whether it is written");
	}
}

/* network, domain */
static const struct {
	const char *what;
	struct seen network, domain;
	const char *name;
	bool writes;
	struct seen record;
} pairs[] = {
	{ "both new", NONE, NONE, "first-contact", true, WAITS(T) },
	{ "the domain came from another network before", NONE, WAITS(T - BLOCK), "came-back", true, PASSED(T - BLOCK, T) },
	{ "another network, within the block period: it does not begin anew", NONE, WAITS(T - 10), "too-early", true, WAITS(T - 10) },
	{ "the network is known from a time without SPF", WAITS(T - BLOCK), NONE, "came-back", true, PASSED(T - BLOCK, T) },
	{ "the longer wait counts", WAITS(T - 10), WAITS(T - BLOCK - 5), "came-back", true, PASSED(T - BLOCK - 5, T) },
	{ "one that passed counts more than one that waits", WAITS(T - 10), PASSED(T - 9999, T - 50), "passed-before", true, PASSED(T - 9999, T) },
	{ "both passed and fresh", PASSED(T - 9999, T - 5), PASSED(T - 9999, T - 50), "passed-before", false, PASSED(T - 9999, T) },
	{ "one is late, the other waits", WAITS(T - PASS), WAITS(T - 10), "too-early", true, WAITS(T - 10) },
	{ "one is late, the other expired", WAITS(T - PASS), PASSED(T - 2 * KEEP, T - KEEP), "too-late", true, WAITS(T) },
};

static void
pairs_of_records(void)
{
	for (size_t i = 0; i < PB_COUNT(pairs); i++) {
		struct judged j = judge(&periods, &pairs[i].network, &pairs[i].domain, T);

		is_text(j.name, pairs[i].name, pairs[i].what);
		is_num(j.writes, pairs[i].writes, "... whether they are written");
		is_num(j.record.state, pairs[i].record.state, "... as what");
		is_num(j.record.first_s, pairs[i].record.first_s, "... since when");
	}
}

static void
expiry(void)
{
	struct seen waits = WAITS(T), passed = PASSED(T - 5, T);

	is_num(judge_expires(&periods, &waits), T + PASS, "a waiting record ends with the pass period");
	is_num(judge_expires(&periods, &passed), T + KEEP, "a passed one with the time of expiry since its last use");
}

int
main(void)
{
	table();
	pairs_of_records();
	expiry();
	return done();
}
