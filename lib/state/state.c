/*
 * state: reading and writing records.
 *
 * Invariants:
 * 1. The library is entered by one thread at a time (the mutex), so it runs
 *    without its lock subsystem: no deadlock detector, nothing to time out.
 * 2. The process that opened the environment is the only one that enters it.
 */
#include "base/base.h"
#include "state/state_private.h"

#include <endian.h>
#include <errno.h>
#include "base/die.h"

void
state_lock(struct state *s)
{
	if (getpid() != s->pid)
		bug("a database is used by a process that did not open it");
	if (pthread_mutex_lock(&s->mutex) != 0)
		bug("the mutex of a database is damaged");
}

void
state_unlock(struct state *s)
{
	pthread_mutex_unlock(&s->mutex);
}

static DBT
key_of(struct span key)
{
	DBT t = { 0 };

	if (key.n == 0 || key.n > STATE_KEY_MAX)
		bug("key of %zu bytes", key.n);
	t.data = (void *)(uintptr_t)key.p;
	t.size = (u_int32_t)key.n;
	return t;
}

bool
state_head_read(const void *data, size_t n, int64_t *expires_out)
{
	const unsigned char *p = data;
	uint64_t expires;

	if (n < STATE_HEAD || n > STATE_HEAD + STATE_VALUE_MAX || p[0] != STATE_VERSION || p[1] != 0)
		return false;
	memcpy(&expires, p + 2, sizeof(expires));
	*expires_out = (int64_t)le64toh(expires);
	return true;
}

static void
head_write(unsigned char *p, int64_t expires)
{
	uint64_t e = htole64((uint64_t)expires);

	p[0] = STATE_VERSION;
	p[1] = 0;
	memcpy(p + 2, &e, sizeof(e));
}

/* Read the live record of key into s->raw.  1, 0 or -1 as state_get; *n_out is the length of the value. */
static int
read_record(struct state *s, struct span key, int64_t now, size_t *n_out, int64_t *expires_out)
{
	DBT k = key_of(key), v = { 0 };
	int rc;

	v.data = s->raw;
	v.ulen = STATE_RAW_MAX;
	v.flags = DB_DBT_USERMEM;
	rc = s->db->get(s->db, s->txn, &k, &v, 0);
	if (rc == DB_NOTFOUND)
		return 0;
	if (rc == DB_BUFFER_SMALL)
		rc = EIO;
	if (rc != 0)
		return state_result(s, rc);
	if (!state_head_read(s->raw, v.size, expires_out))
		return state_result(s, EIO);
	if (*expires_out <= now)
		return 0;
	*n_out = v.size - STATE_HEAD;
	return 1;
}

static int
write_record(struct state *s, struct span key, struct span value, int64_t expires)
{
	DBT k = key_of(key), v = { 0 };

	if (value.n > STATE_VALUE_MAX)
		bug("value of %zu bytes", value.n);
	head_write(s->raw, expires);
	if (value.n > 0)
		memcpy(s->raw + STATE_HEAD, value.p, value.n);
	v.data = s->raw;
	v.size = (u_int32_t)(STATE_HEAD + value.n);
	if (expires != STATE_NEVER)
		s->may_expire = s->saw_expiry = true;
	return state_result(s, s->db->put(s->db, s->txn, &k, &v, s->txn == NULL ? DB_AUTO_COMMIT : 0));
}

int
state_get(struct state *s, struct span key, int64_t now, void *value, size_t size, size_t *n_out)
{
	int64_t expires;
	int r;

	state_lock(s);
	r = read_record(s, key, now, n_out, &expires);
	if (r == 1 && *n_out > size) {
		errno = EMSGSIZE;
		r = -1;
	} else if (r == 1) {
		memcpy(value, s->raw + STATE_HEAD, *n_out);
	}
	state_unlock(s);
	return r;
}

int
state_put(struct state *s, struct span key, struct span value, int64_t expires)
{
	int r;

	state_lock(s);
	r = write_record(s, key, value, expires);
	state_unlock(s);
	return r;
}

int
state_delete(struct state *s, struct span key)
{
	DBT k = key_of(key);
	int rc;

	state_lock(s);
	rc = s->db->del(s->db, s->txn, &k, s->txn == NULL ? DB_AUTO_COMMIT : 0);
	rc = state_result(s, rc == DB_NOTFOUND ? 0 : rc);
	state_unlock(s);
	return rc;
}

static int64_t
count_locked(struct state *s, struct span key, uint32_t add, int64_t now, int64_t window)
{
	uint64_t sum = 0;
	int64_t expires;
	size_t n;
	int r = read_record(s, key, now, &n, &expires);

	if (r < 0)
		return -1;
	if (r == 1 && n != sizeof(sum))
		return state_result(s, EIO);
	if (r == 1) {
		memcpy(&sum, s->raw + STATE_HEAD, sizeof(sum));
		sum = le64toh(sum) & INT64_MAX;
	} else {
		expires = now > INT64_MAX - window ? STATE_NEVER : now + window;
	}
	if (add == 0)
		return (int64_t)sum;
	sum = sum > (uint64_t)INT64_MAX - add ? (uint64_t)INT64_MAX : sum + add;
	uint64_t stored = htole64(sum);
	if (write_record(s, key, span_make(&stored, sizeof(stored)), expires) < 0)
		return -1;
	return (int64_t)sum;
}

int64_t
state_count(struct state *s, struct span key, uint32_t add, int64_t now, int64_t window)
{
	int64_t sum;

	state_lock(s);
	sum = count_locked(s, key, add, now, window);
	state_unlock(s);
	return sum;
}

int
state_begin(struct state *s)
{
	int rc;

	state_lock(s);
	if (s->txn != NULL)
		bug("a transaction inside a transaction");
	rc = s->env->txn_begin(s->env, NULL, &s->txn, 0);
	if (rc == 0)
		return 0;
	s->txn = NULL;
	rc = state_result(s, rc);
	state_unlock(s);
	return rc;
}

int
state_commit(struct state *s)
{
	DB_TXN *txn = s->txn;
	int rc;

	if (txn == NULL)
		bug("state_commit without state_begin");
	s->txn = NULL;
	rc = state_result(s, txn->commit(txn, 0));
	state_unlock(s);
	return rc;
}

void
state_abort(struct state *s)
{
	DB_TXN *txn = s->txn;

	if (txn == NULL)
		bug("state_abort without state_begin");
	s->txn = NULL;
	state_result(s, txn->abort(txn));
	state_unlock(s);
}
