/*
 * clock: see clock.h.  CLOCK_BOOTTIME and CLOCK_REALTIME: neither can fail on
 * Linux.
 */
#include "base/base.h"
#include "sys/clock.h"

static int64_t
clock_read(clockid_t which)
{
	struct timespec now = { 0, 0 };

	clock_gettime(which, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

uint64_t
clock_ms(void)
{
	return (uint64_t)clock_read(CLOCK_BOOTTIME);
}

int64_t
clock_wall_ms(void)
{
	return clock_read(CLOCK_REALTIME);
}

void
clock_sleep_ms(unsigned ms)
{
	struct timespec pause = { ms / 1000, (long)(ms % 1000) * 1000000 };

	nanosleep(&pause, NULL);
}
