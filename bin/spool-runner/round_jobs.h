/*
 * round_jobs: the jobs of one round, and its state that they share with it.
 */
#ifndef SPOOL_RUNNER_ROUND_JOBS_H
#define SPOOL_RUNNER_ROUND_JOBS_H

#include "base/base.h"
#include "base/buf.h"
#include "base/span.h"
#include "append.h"
#include "schedule.h"
#include "spool/envelope.h"

/* What a deliverer (or the directory) said of one recipient in this round. */
struct outcome {
	struct span text;	/* "250 2.0.0 ..." in the envelope's arena; p == NULL: nothing was tried */
	bool taken;		/* it stands in a job */
	bool dns;		/* the failure was one of DNS */
	bool lost;		/* the deliverer was lost, or the directory silent */
	bool held;		/* its domain is disabled: nothing is tried */
	bool dsn_passed;	/* the next host tells the sender what he wants to know (RFC 3461) */
	bool by_passed;		/* ... and knows by when it is to be delivered (RFC 2852) */
	uint32_t same;		/* number of another recipient with the same mailbox, which stands for it */
};

/* Why a message as a whole does not go (hold.h). */
enum round_hold { HOLD_NONE, HOLD_ADMINISTRATOR, HOLD_SENDER_BLOCKED, HOLD_SENDER_DISABLED, HOLD_USER_DISABLED, HOLD_NOT_KNOWN };

struct round {
	struct schedule *s;
	uint32_t entry;
	struct spool_ref ref;
	struct envelope *env;
	struct outcome *out;		/* [env->count], in its arena */
	int64_t now;			/* when it began */
	bool forced;			/* retry times do not count */
	bool turn;			/* nor do they now, and a failure changes nothing (ETRN) */
	bool first;			/* nothing was tried before */
	bool lost;			/* some outcome is `lost` */

	uint64_t good_size;		/* of ID.hdr */
	struct buf lines;		/* to be appended to it */
	size_t lines_due;		/* bytes of them from before recipients were expanded */
	struct append append;
	void (*after_lines)(struct round *r);
	void (*after_bounces)(struct round *r);
	uint64_t helper_job;
	uint32_t group;			/* of the bounce on its way */

	size_t questions;		/* to auth-check, not answered yet */
	uint32_t next_free;		/* number for the next further target */
	bool reload;			/* the envelope has new targets */
	enum round_hold hold;
	struct sending rules;		/* of the sender, when has_rules */
	bool has_rules;
	bool some_held;			/* some outcome is `held` */
	void (*answered)(struct round *r);	/* called by hold.c after an answer to a question */

	void (*after_throttle)(struct round *r);
	int64_t throttled_until;	/* recipients elsewhere are `held` until then; 0: they are not */

	size_t jobs;			/* not answered yet */
	bool blocked;			/* somebody is due, but there was no place */
	uint32_t blocked_dest;		/* in use by this round; or DEST_LOCAL */
	bool has_reserved;		/* a place for a delivery to reserved_dest */
	uint32_t reserved_dest;
};

/* Start what is due and has a place; round_jobs_done is called when all jobs are answered. */
void round_jobs_start(struct round *r);

/* In round.c: every job is answered (perhaps none was started). */
void round_jobs_done(struct round *r);

/* The place that was reserved for this round is free. */
void round_release_place(struct round *r);

/*
 * Note for the entry where what is open goes: to DEST_LOCAL, one domain, or
 * DEST_ANY, which is several, or not known.
 */
void round_set_destination(struct schedule *s, uint32_t entry, const struct envelope *e);

/* Is it open, and its time come (or does that not count)? */
bool round_is_due(const struct round *r, const struct envelope_rcpt *p);

/* Copy what was said of recipient `number`. */
void round_set_outcome(struct round *r, uint32_t number, struct span text, bool dns);

#endif
