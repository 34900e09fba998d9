/* A message keeps its place while its text comes fast enough, and loses it within one window when it does not (S27). */
#include "base/base.h"
#include "policy/pace.h"
#include "tap.h"

/* A peer that sends n bytes every step ms, from 0 on: when it loses its place, or `most`. */
static uint64_t
lasts(uint64_t window_ms, uint64_t rate, uint64_t n, uint64_t step, uint64_t most)
{
	struct pace p;
	uint64_t now;

	pace_begin(&p, window_ms, rate, 0);
	for (now = 0; now < most; now += step) {
		if (now >= pace_end(&p))
			return pace_end(&p);
		pace_take(&p, n, now);
	}
	return most;
}

static void
check_rates(void)
{
	const uint64_t day = 86400000;

	ok(lasts(300000, 100, 0, 1000, day) == 300000, "what sends nothing has one window");
	ok(lasts(300000, 100, 1, 1000, day) == 300000, "what drips a byte a second too");
	ok(lasts(300000, 100, 11, 100, day) == day, "a little faster than the rate it has all the time");
	ok(lasts(300000, 100, 9, 100, day) == 300000, "a little slower, one window");
	ok(lasts(10000, 2000, 220, 100, day) == day, "so it is with the terms of a crowd");
	ok(lasts(10000, 2000, 180, 100, day) == 10000, "where a window is short");
	ok(lasts(10000, 0, 1000000, 1000, day) == 10000, "without a rate only the window counts");
}

static void
check_windows(void)
{
	struct pace p;

	pace_begin(&p, 10000, 100, 5000);
	ok(pace_end(&p) == 15000, "the first window begins now");
	pace_take(&p, 999, 6000);
	ok(pace_end(&p) == 15000, "a byte less than it wants changes nothing");
	pace_take(&p, 1, 7000);
	ok(pace_end(&p) == 17000, "with the last byte the next begins");
	pace_take(&p, 1000000000, 8000);
	ok(pace_end(&p) == 18000, "much at once gives no more than one window");
	pace_terms(&p, 10000, 100, 12000);
	ok(pace_end(&p) == 18000, "the same terms change nothing");
	pace_terms(&p, 4000, 100, 12000);
	ok(pace_end(&p) == 16000, "shorter ones begin a window, so that nobody is cut unawares");
	pace_take(&p, 400, 13000);
	ok(pace_end(&p) == 17000, "and want their own share");
}

int
main(void)
{
	check_rates();
	check_windows();
	return done();
}
