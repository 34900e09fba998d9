/*
 * state_walk: going through records in order, and what the owner's loop calls
 * from time to time: checkpoints, and the removal of what has expired.
 *
 * The sweep looks at SWEEP_STEP records at a time and remembers where it stopped, so
 * its cost does not follow the size of the database.  Where most of a step had expired it
 * takes more steps at once, so that it keeps up with a flood; between them other
 * threads have their turn.  A database in which a whole sweep met no expiry is
 * left alone until one is written.
 */
#include "base/base.h"
#include "state/state_private.h"

#include <errno.h>
#include "base/mem.h"

#define SWEEP_STEP 500
#define SWEEP_STEPS_MAX 20
#define CHECKPOINT_KBYTES 1024

/* One record of a walk; data point into the library until the next step. */
static int
step(DBC *cursor, DBT *k, DBT *v, u_int32_t how)
{
	int rc = cursor->get(cursor, k, v, how);

	if (rc == 0 && (k->size == 0 || k->size > STATE_KEY_MAX))
		return EIO;
	return rc;
}

static int
first(DBC *cursor, DBT *k, DBT *v, struct span from)
{
	if (from.n == 0)
		return step(cursor, k, v, DB_FIRST);
	k->data = (void *)(uintptr_t)from.p;
	k->size = (u_int32_t)from.n;
	return step(cursor, k, v, DB_SET_RANGE);
}

static int
walk(DBC *cursor, struct span from, int64_t now, state_fn *fn, void *ctx, int *result)
{
	DBT k = { 0 }, v = { 0 };
	int rc;

	for (rc = first(cursor, &k, &v, from); rc == 0; rc = step(cursor, &k, &v, DB_NEXT)) {
		int64_t expires;

		if (!state_head_read(v.data, v.size, &expires))
			return EIO;
		if (expires <= now)
			continue;
		*result = fn(span_make(k.data, k.size),
			span_make((char *)v.data + STATE_HEAD, v.size - STATE_HEAD), expires, ctx);
		if (*result != 0)
			return 0;
	}
	return rc == DB_NOTFOUND ? 0 : rc;
}

int
state_each(struct state *s, struct span from, int64_t now, state_fn *fn, void *ctx)
{
	DBC *cursor;
	int rc, result = 0;

	state_lock(s);
	rc = s->db->cursor(s->db, s->txn, &cursor, 0);
	if (rc == 0) {
		rc = walk(cursor, from, now, fn, ctx, &result);
		cursor->close(cursor);
	}
	if (rc != 0)
		result = state_result(s, rc);
	state_unlock(s);
	return result;
}

static void
remember(struct state *s, const DBT *k)
{
	memcpy(s->sweep, k->data, k->size);
	s->sweep_n = k->size;
}

static void
sweep_is_whole(struct state *s)
{
	s->may_expire = s->saw_expiry;
	s->saw_expiry = false;
	s->sweep_n = 0;
}

void
state_on_expire(struct state *s, state_fn *fn, void *ctx)
{
	state_lock(s);
	s->on_expire = fn;
	s->on_expire_ctx = ctx;
	state_unlock(s);
}

static int
expire(struct state *s, DBC *cursor, const DBT *k, const DBT *v, int64_t expires)
{
	if (s->on_expire != NULL)
		(void)s->on_expire(span_make(k->data, k->size),
			span_make((char *)v->data + STATE_HEAD, v->size - STATE_HEAD), expires, s->on_expire_ctx);
	return cursor->del(cursor, 0);
}

/* Remove what expired among the next SWEEP_STEP records, within the transaction. */
static int
sweep_records(struct state *s, DBC *cursor, int64_t now, size_t *removed)
{
	char start[STATE_KEY_MAX];
	DBT k = { 0 }, v = { 0 };
	size_t seen = 0;
	int rc;

	memcpy(start, s->sweep, s->sweep_n);
	for (rc = first(cursor, &k, &v, span_make(start, s->sweep_n)); rc == 0;
	     rc = step(cursor, &k, &v, DB_NEXT)) {
		int64_t expires;

		if (seen++ == SWEEP_STEP) {
			remember(s, &k);
			return 0;
		}
		if (!state_head_read(v.data, v.size, &expires))
			return EIO;
		if (expires <= now && (rc = expire(s, cursor, &k, &v, expires)) != 0)
			return rc;
		*removed += expires <= now;
		if (expires > now && expires != STATE_NEVER)
			s->saw_expiry = true;
	}
	if (rc != DB_NOTFOUND)
		return rc;
	sweep_is_whole(s);
	return 0;
}

static int
sweep_step(struct state *s, int64_t now, size_t *removed)
{
	DBC *cursor;
	int rc;

	*removed = 0;
	if (!s->may_expire)
		return 0;
	if (state_begin(s) < 0)
		return -1;
	rc = s->db->cursor(s->db, s->txn, &cursor, 0);
	if (rc == 0) {
		rc = sweep_records(s, cursor, now, removed);
		cursor->close(cursor);
	}
	if (rc != 0) {
		state_abort(s);
		return state_result(s, rc);
	}
	return state_commit(s);
}

static int
sweep(struct state *s, int64_t now)
{
	size_t removed = SWEEP_STEP;
	int r = 0;

	for (int i = 0; r == 0 && i < SWEEP_STEPS_MAX && removed > SWEEP_STEP / 2; i++) {
		state_lock(s);
		r = sweep_step(s, now, &removed);
		state_unlock(s);
	}
	return r;
}

int
state_tend(struct state *s, int64_t now)
{
	int r = sweep(s, now);

	state_lock(s);
	/* The clock may have been set back: a checkpoint is never further away than the period. */
	if (s->checkpoint_at > now + STATE_CHECKPOINT_SECONDS)
		s->checkpoint_at = now;
	if (r == 0) {
		bool due = s->checkpoint_at <= now;
		r = state_result(s, s->env->txn_checkpoint(s->env, due ? 0 : CHECKPOINT_KBYTES, 0, 0));
		if (due)
			s->checkpoint_at = now + STATE_CHECKPOINT_SECONDS;
	}
	state_unlock(s);
	return r;
}
