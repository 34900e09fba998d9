/*
 * pace: is the text of a message coming fast enough to keep its place?
 *
 * Each window must bring `rate` bytes for every second of it; once it has, or
 * once the terms change, the next window begins.  So a message has one window
 * to be whole, and longer only while data flows, and what flowed before gives
 * nobody time to stand still.  Times are those of one clock, in ms.
 */
#ifndef POLICY_PACE_H
#define POLICY_PACE_H

#include "base/base.h"

struct pace {
	uint64_t window_ms, rate;	/* the terms; rate in bytes a second, 0: only the window counts */
	uint64_t start;			/* of this window */
	uint64_t bytes;			/* in it */
};

/* The first window begins now. */
void pace_begin(struct pace *p, uint64_t window_ms, uint64_t rate, uint64_t now);

/* These terms hold from now on; nothing changes when they are the same. */
void pace_terms(struct pace *p, uint64_t window_ms, uint64_t rate, uint64_t now);

/* n bytes came. */
void pace_take(struct pace *p, uint64_t n, uint64_t now);

/* When the message has lost its place unless more comes before. */
uint64_t pace_end(const struct pace *p);

#endif
