/* delay: see delay.h. */
#include "base/base.h"
#include "delay.h"

uint32_t
delay_of_failures(uint32_t failures)
{
	static const uint32_t ms[] = { 0, 0, 0, 2000, 4000, 8000, 15000 };

	return ms[failures < PB_COUNT(ms) ? failures : PB_COUNT(ms) - 1];
}
