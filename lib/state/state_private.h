/*
 * state_private: what the files of lib/state share.  No other room includes it.
 */
#ifndef STATE_STATE_PRIVATE_H
#define STATE_STATE_PRIVATE_H

#include <db.h>
#include <pthread.h>
#include "state/state.h"

struct state {
	DB_ENV *env;
	DB *db;
	DB_TXN *txn;			/* between state_begin and state_commit */
	pthread_mutex_t mutex;		/* recursive: the library sees one thread at a time */
	pid_t pid;
	int home;			/* directory, for the mark */
	int64_t checkpoint_at;		/* wall seconds of the next checkpoint */
	char sweep[STATE_KEY_MAX];	/* first key that the next sweep looks at */
	size_t sweep_n;
	unsigned char *raw;		/* STATE_RAW_MAX bytes: the record at hand */
	bool may_expire;		/* a record with an expiry may exist */
	bool saw_expiry;		/* the present sweep met one */
	state_fn *on_expire;		/* NULL, or told of each record that a sweep removes */
	void *on_expire_ctx;
};

/*
 * Before a record's value stand its version, two reserved bytes and the expiry.
 * A reader checks version and length: what it did not write is EIO.
 */
#define STATE_HEAD 10
#define STATE_VERSION 'p'
#define STATE_RAW_MAX (STATE_HEAD + STATE_VALUE_MAX)

/* The head of a record whose whole length is n: true and its expiry when it is ours. */
bool state_head_read(const void *data, size_t n, int64_t *expires_out);

void state_lock(struct state *s);
void state_unlock(struct state *s);

/*
 * Turn what the library returned into 0, or -1 with errno.  Damage, as
 * opposed to a full disk or a bad argument, also leaves the mark.
 */
int state_result(struct state *s, int rc);

/* Note a failure in the mark of the directory; true when it is the second in a row. */
bool state_mark_failure(int home);
bool state_mark_says_aside(int home);
/* Move everything in home into bad-N, dropping the oldest of three; 0 or -1. */
int state_move_aside(int home);

void state_note(const DB_ENV *env, const char *prefix, const char *text);
void state_note_error(int rc, const char *doing);

#endif
