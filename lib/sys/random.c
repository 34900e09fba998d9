/*
 * random: see random.h.  getrandom(2) blocks only before the kernel's pool is
 * seeded for the first time, and needs no file, so it works after confinement.
 */
#include "base/base.h"
#include "sys/random.h"
#include "base/die.h"
#include <errno.h>
#include <sys/random.h>

void
random_fill(void *p, size_t n)
{
	char *at = p;

	while (n > 0) {
		ssize_t got = getrandom(at, n, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			die(EXIT_TRY_LATER, "getrandom: %s", strerror(errno));
		at += got;
		n -= (size_t)got;
	}
}

uint64_t
random_u64(void)
{
	uint64_t x;

	random_fill(&x, sizeof(x));
	return x;
}

/* Numbers past the last whole multiple of below are drawn again. */
uint64_t
random_below(uint64_t below)
{
	uint64_t x, limit = UINT64_MAX - UINT64_MAX % below;

	do
		x = random_u64();
	while (x >= limit);
	return x % below;
}
