/*
 * scoreboard: what each worker of a pool is doing, one page of shared memory
 * per worker, so that the parent reads it without asking anybody.
 *
 * A page is written by its worker and is hostile for the parent once that
 * worker reads from outside: the parent copies it, ends its texts and checks
 * numbers.  Which pid has which page, and since when, is in the parent's own table.
 */
#ifndef SERVICE_SCOREBOARD_H
#define SERVICE_SCOREBOARD_H

#include "base/base.h"

enum score_state { SCORE_IDLE = 0, SCORE_BUSY = 1 };

#define SCORE_TEXT_MAX 128

struct score {
	uint32_t state;			/* enum score_state; written atomically */
	uint32_t sessions;		/* served by this worker */
	uint32_t lost_lines;		/* of the log, when the worker ends: it can tell nobody else */
	uint64_t connected_ms;		/* wall clock, of the session */
	uint64_t bytes_in, bytes_out;
	uint64_t waiting_ms;		/* clock_ms since when a stranger is silent; 0: is not, or is known */
	char listener[32];
	char ip[56];
	char ticket[16];
	char user[SCORE_TEXT_MAX];	/* "" before log-in */
	char doing[SCORE_TEXT_MAX];	/* last state shown: "DATA", "IDLE INBOX" */
};

struct scoreboard;

/* Pages for `count` workers, all idle.  Dies without memory. */
struct scoreboard *scoreboard_new(size_t count);
/* The page itself: for the worker that owns it. */
struct score *scoreboard_page(struct scoreboard *b, size_t i);
/* A checked copy for the parent: every text ends, is printable, and state is one of the two. */
void scoreboard_read(const struct scoreboard *b, size_t i, struct score *out);
/* Its waiting_ms as it stands there, unchecked. */
uint64_t scoreboard_waiting_since(const struct scoreboard *b, size_t i);
/* Its lost_lines as they stand there, unchecked. */
uint32_t scoreboard_lost_lines(const struct scoreboard *b, size_t i);
void scoreboard_clear(struct scoreboard *b, size_t i);
/* In a worker: unmap the pages of all others, so that it cannot see or change them. */
void scoreboard_keep_only(struct scoreboard *b, size_t i);

#endif
