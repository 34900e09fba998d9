/*
 * backoff: see backoff.h.
 */
#include "base/base.h"
#include "backoff.h"

uint64_t
backoff_pause(uint64_t *next_ms, uint64_t lived_ms)
{
	uint64_t pause = *next_ms == 0 || lived_ms > BACKOFF_GOOD_LIFE_MS ? BACKOFF_FIRST_MS : *next_ms;

	*next_ms = pause * 2 > BACKOFF_MOST_MS ? BACKOFF_MOST_MS : pause * 2;
	return pause;
}
