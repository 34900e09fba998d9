/*
 * The pauses of mail-master before it starts a program again.
 */
#include "base/base.h"
#include "backoff.h"
#include "tap.h"

static void
grow(void)
{
	static const uint64_t want[] = { 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000 };
	uint64_t next = 0;

	for (size_t i = 0; i < PB_COUNT(want); i++)
		is_num(backoff_pause(&next, 0), want[i], "a second, doubling to a minute");
}

static void
begin_anew(void)
{
	uint64_t next = 0;

	for (int i = 0; i < 3; i++)
		(void)backoff_pause(&next, 5000);
	is_num(backoff_pause(&next, BACKOFF_GOOD_LIFE_MS), 8000, "a minute of life is not enough");
	is_num(backoff_pause(&next, BACKOFF_GOOD_LIFE_MS + 1), 1000, "more than a minute begins anew");
	is_num(backoff_pause(&next, 0), 2000, "... and it grows again from there");
}

int
main(void)
{
	grow();
	begin_anew();
	return done();
}
