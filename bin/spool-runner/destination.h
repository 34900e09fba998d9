/*
 * destination: the places where mail goes, and how many deliveries each may
 * have at a time.  Pure: no I/O; the clock is a parameter.
 *
 * A destination is a domain, or one of the first two, which are none.  It is
 * known while a message or a job names it (get and put count those), and
 * lives in a table; its index stays the same.
 *
 * Its window, the number of deliveries at a time, begins at DESTINATION_FIRST,
 * grows by one for each window full of deliveries that succeed, to
 * maxDeliveriesPerDomain, and shrinks as it answers:
 *	busy	421, or 4.3.2: to half, and it rests, for 5 s, then 10, 20 ... 60
 *	slow	a connection was lost or timed out: to one
 *	dead	no connection at all: to one; from the second time in a row on
 *		it rests for 10 s, then 20, 40 ... 300, and who is due in that
 *		time shares the answer without an attempt of its own
 * Any other answer, also a refusal, says that the host is well.
 */
#ifndef SPOOL_RUNNER_DESTINATION_H
#define SPOOL_RUNNER_DESTINATION_H

#include "base/base.h"
#include "base/span.h"
#include "base/verdict.h"

#define DEST_ANY 0		/* several, or not known yet */
#define DEST_LOCAL 1		/* local-deliver */
#define DEST_FIRST 2		/* domains from here */

#define DESTINATION_FIRST 5

struct destinations;

/* max: deliveries at a time to one; local_max: to DEST_LOCAL. */
struct destinations *destinations_new(uint32_t max, uint32_t local_max);
void destinations_free(struct destinations **d);

/* The domain in any case of letters, from now on in use once more. */
uint32_t destination_get(struct destinations *d, struct span domain) PB_MUST_CHECK;
/* The same for one that is known. */
void destination_keep(struct destinations *d, uint32_t i);
/* In use once less; with the last use it is forgotten.  True: it was. */
bool destination_put(struct destinations *d, uint32_t i);
/* QUEUE_NONE (UINT32_MAX) when it is not in use. */
uint32_t destination_find(const struct destinations *d, struct span domain);
/* Of the domain in any case of letters, the same for the life of d. */
uint64_t destination_hash(const struct destinations *d, struct span domain);

/* Deliveries, begun or about to begin. */
void destination_begins(struct destinations *d, uint32_t i);
void destination_ends(struct destinations *d, uint32_t i);
uint32_t destination_jobs(const struct destinations *d, uint32_t i);

/* May one more begin at `now` (seconds)? */
bool destination_is_open(const struct destinations *d, uint32_t i, int64_t now);
/* Its last answer was busy, slow or dead. */
bool destination_is_troubled(const struct destinations *d, uint32_t i);
/* Until when no delivery begins, 0: none forbids it. */
int64_t destination_rests_until(const struct destinations *d, uint32_t i);

/* What one recipient got; dns: there was no host to ask, which tells nothing of it. */
void destination_answered(struct destinations *d, uint32_t i, const struct verdict *v, bool dns, int64_t now);
/*
 * It is known to be dead at `now`: *out is what the last attempt got.  Borrowed
 * until the next answer.
 */
bool destination_is_dead(const struct destinations *d, uint32_t i, int64_t now, const char **out) PB_MUST_CHECK;
uint32_t destination_window(const struct destinations *d, uint32_t i);

#endif
