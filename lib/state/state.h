/*
 * state: a small key-value store for what can be rebuilt or forgotten.
 *
 * Behind it stands one Berkeley DB environment in a directory of its own,
 * opened by exactly one process after its last fork (DB_PRIVATE,
 * DB_RECOVER).  Every call aborts the process when getpid() is not the pid
 * that opened it: two users of one environment lose every record.  That
 * process may have threads; all calls may be made by any of them.
 *
 * Nothing that must survive belongs here: a database that is damaged twice in
 * a row (see state_open) is moved aside and a new one is begun.
 *
 * Values carry an optional time of expiry, in seconds of the wall clock that
 * the caller passes; an expired value is as absent.  Keys are at most
 * STATE_KEY_MAX and values at most STATE_VALUE_MAX bytes; longer ones are a
 * bug of the caller, who hashes outside text into fixed keys.
 */
#ifndef STATE_STATE_H
#define STATE_STATE_H

#include "base/base.h"
#include "base/span.h"

#define STATE_KEY_MAX 512
#define STATE_VALUE_MAX 70000
#define STATE_NEVER INT64_MAX

struct state;

/* What state_open found, for the caller's log. */
enum state_found {
	STATE_FOUND_GOOD,	/* opened (and recovered) as it was */
	STATE_FOUND_NONE,	/* there was none: begun anew */
	STATE_FOUND_BAD		/* moved aside to HOME/bad-N (at most three are kept); begun anew */
};

/*
 * Open database `name` (for example "greylist.db") of the environment in
 * directory home, a path, which must be ours (our uid, no rights for others)
 * and is created 0700 when absent.  cache is the memory for pages, in bytes.
 *
 * A first failure to open or recover returns -1 with errno (EIO when Berkeley
 * DB gave no errno) and leaves a mark; the supervisor restarts the program,
 * and the second failure within STATE_RETRY_SECONDS moves everything aside and
 * begins anew; so does the open after a second failure of any other call.
 * An owner whose call fails with EIO logs state_why and ends.  EPERM: home is not ours, or a DB_CONFIG lies in it, which
 * could make the library read and write anywhere; this never moves aside.
 */
#define STATE_RETRY_SECONDS 60
int state_open(struct state **out, const char *home, const char *name, size_t cache, enum state_found *found) PB_MUST_CHECK;

/* What Berkeley DB said about the last failure: one line, valid until the next; for logs. */
const char *state_why(void);

/* Checkpoint and close; frees *s and sets it to NULL. */
void state_close(struct state **s);

/*
 * Copy the value of key into value (size bytes of room); *n_out is its whole length.
 * Returns 1 when found, 0 when absent or expired at `now`, -1 on an error (errno;
 * EMSGSIZE when it is longer than size, EIO for a record we did not write).
 */
int state_get(struct state *s, struct span key, int64_t now, void *value, size_t size, size_t *n_out) PB_MUST_CHECK;

/* Write; expires is a wall time in seconds or STATE_NEVER.  0, or -1 with errno. */
int state_put(struct state *s, struct span key, struct span value, int64_t expires) PB_MUST_CHECK;

/* Remove; an absent key is a success.  0, or -1 with errno. */
int state_delete(struct state *s, struct span key) PB_MUST_CHECK;

/*
 * A counter with a fixed window: adds `add` to the counter of key and returns
 * the new sum, or -1 with errno.  The window begins with the first addition
 * and is over `window` seconds later; the next addition begins a new one.
 * add 0 reads without writing.
 */
int64_t state_count(struct state *s, struct span key, uint32_t add, int64_t now, int64_t window) PB_MUST_CHECK;

/*
 * Call fn for every live record, in key order, beginning with the first key
 * that is not less than `from` (SPAN_NONE: all).  fn returns 0 to go on, else
 * the walk ends with that value.  fn may not call state_ functions.
 * Returns 0 at the end, fn's value, or -1 with errno.
 */
typedef int state_fn(struct span key, struct span value, int64_t expires, void *ctx);
int state_each(struct state *s, struct span from, int64_t now, state_fn *fn, void *ctx) PB_MUST_CHECK;

/* Several writes as one: all or none of them after a crash.  Not nested. */
int state_begin(struct state *s) PB_MUST_CHECK;
int state_commit(struct state *s) PB_MUST_CHECK;
void state_abort(struct state *s);

/*
 * From now on call fn for every record that state_tend removes because it expired;
 * what it returns is not looked at.  It runs in the thread of state_tend and may not
 * call state_ functions.  A record may be told of twice when the removal failed.
 */
void state_on_expire(struct state *s, state_fn *fn, void *ctx);

/*
 * To be called about every second by the owner's loop: makes a checkpoint
 * when STATE_CHECKPOINT_SECONDS have passed or 1 MiB of log was written (old
 * logs are then removed), and removes a bounded number of expired records:
 * it looks at 500, and at up to 10,000 where most of them have expired.
 * Returns 0, or -1 with errno.
 */
#define STATE_CHECKPOINT_SECONDS 60
int state_tend(struct state *s, int64_t now) PB_MUST_CHECK;

#endif
