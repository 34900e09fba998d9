/*
 * pressure: how full a pool is, told by the parent to all its workers through
 * one page that only the parent can write.
 *
 * From 80 % of the places on the pool is crowded: sessions of nobody in
 * particular get less time, and the last places are kept for those who are known.
 */
#ifndef SERVICE_PRESSURE_H
#define SERVICE_PRESSURE_H

#include "base/base.h"

struct pressure;

/* In the parent, before the first fork.  Dies without memory. */
struct pressure *pressure_new(void);
/* What the parent sees now. */
void pressure_tell(struct pressure *p, unsigned busy, bool is_crowded);

/* In a worker, after fork: from now on the page can be read only, whatever this process does. */
void pressure_keep_reading(struct pressure *p);

/* In a worker.  p may be NULL, as under inetd: 0, and never crowded. */
unsigned pressure_busy(const struct pressure *p);
bool pressure_is_crowded(const struct pressure *p);

#endif
