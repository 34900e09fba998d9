/*
 * backoff: how long mail-master waits before it starts a program again, so
 * that one which cannot live takes no more than a little of the machine.
 */
#ifndef MAIL_MASTER_BACKOFF_H
#define MAIL_MASTER_BACKOFF_H

#include "base/base.h"

#define BACKOFF_FIRST_MS 1000
#define BACKOFF_MOST_MS 60000
#define BACKOFF_GOOD_LIFE_MS 60000

/*
 * The pause, in milliseconds, before the next start of a program that lived
 * for lived_ms.  next_ms is what the program's pauses have grown to, 0 before
 * the first: a life of more than a minute begins them anew, each one doubles
 * the next.
 */
uint64_t backoff_pause(uint64_t *next_ms, uint64_t lived_ms);

#endif
