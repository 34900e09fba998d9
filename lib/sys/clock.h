/*
 * clock: two clocks that must not be mixed, hence two types.
 */
#ifndef SYS_CLOCK_H
#define SYS_CLOCK_H

#include "base/base.h"

/* Monotonic milliseconds, for deadlines; counts while the machine sleeps. */
uint64_t clock_ms(void);

/* Milliseconds since 1970 UTC, for what is written down; may jump. */
int64_t clock_wall_ms(void);

/* Wait; returns early on a signal. */
void clock_sleep_ms(unsigned ms);

#endif
