/*
 * space: how much mail one domain holds, and when it is to be counted or told of
 * (spaces.h).  Pure: no I/O, no clock.
 *
 * When it is counted anew: at once when it never was, and when it is nearly full and
 * was not counted in this life; after a user of it was deleted, or all are to be counted;
 * while it is nearly full or full, some time after each change; and while it is
 * full without any, in case another program made room.  Between two counts of a domain there
 * is a rest that grows with what counting it takes.
 */
#ifndef AUTH_CHECK_SPACE_H
#define AUTH_CHECK_SPACE_H

#include "base/base.h"
#include "base/limits.h"
#include "index.h"

/* No message is so small: a domain with less is full. */
#define SPACE_NOTHING 1024
/* Less than this part of the limit left: nearly full. */
#define SPACE_NEARLY_PART 16
/* After a change since its last count a full domain is counted again so long after
 * that, a nearly full one so long; a full one without a change so long. */
#define SPACE_FULL_AGAIN_MS 10000
#define SPACE_NEARLY_AGAIN_MS 60000
#define SPACE_UNCHANGED_AGAIN_MS 300000
/* And this many times as long as the count took; less where the sum is known to be wrong. */
#define SPACE_REST_TIMES 100
#define SPACE_STALE_TIMES 10
/* Who administers a full domain is told once in so many seconds; when the warning cannot
 * be handed in it is tried again so long after. */
#define SPACE_WARN_S 86400
#define SPACE_WARN_AGAIN_MS 60000

/* A domain with so much left takes any message: nothing is said of its room. */
#define SPACE_PLENTY ((uint64_t)256 << 20)

struct space {
	char *name;			/* owned */
	struct space *next_changed, *next_watched;
	bool is_changed, is_watched;	/* it stands in that list */
	bool is_stale;			/* to be counted whatever it says */
	bool has_moved;			/* since its last count */
	bool has_refused;		/* since the last warning */
	bool is_short;			/* it had less than SPACE_PLENTY left when its sum moved last */
	struct index_space kept;
	uint64_t limit, limit_version;	/* bytes, 0: none; as of that version of the index */
	uint64_t counted_ms;		/* when it was counted last, 0: not in this life */
	uint64_t took_ms;		/* and how long that took */
	uint64_t counting_ms;		/* since when it is being counted; 0: it is not */
	int64_t moved;			/* while it was being counted */
	uint64_t warning_ms;		/* when a warning was handed out last; 0: never */
};

/* A sum never goes below nothing: what was told twice, or never, is found by counting. */
void space_move(struct space *p, int64_t bytes);
/* The count that began at counting_ms is over. */
void space_counted(struct space *p, uint64_t bytes, uint64_t now_ms);

/* Bytes that it still takes; less than SPACE_NOTHING is 0.  Only with a limit. */
uint64_t space_room(const struct space *p);
bool space_is_full(const struct space *p);
bool space_is_nearly_full(const struct space *p);

/* Whatever its sum says.  recount_ms: what was counted before is not good. */
bool space_must_count(const struct space *p, uint64_t recount_ms);
bool space_count_is_due(const struct space *p, uint64_t recount_ms, uint64_t now_ms);

/* Was the administrator not told within SPACE_WARN_S? */
bool space_may_warn(const struct space *p, int64_t now_s);
/* Only of what was counted in this life, so that it is true. */
bool space_warning_is_due(const struct space *p, int64_t now_s, uint64_t now_ms);

#endif
