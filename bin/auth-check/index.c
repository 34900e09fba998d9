/*
 * index: the database directory.db, its version, keys and what records are made of.
 * See index.h for the layout.
 */
#include "base/base.h"
#include "index_private.h"

#include <stdlib.h>
#include "base/buf.h"
#include "base/die.h"
#include "base/mem.h"

#define CACHE_BYTES (32U << 20)
#define FIELDS_MAX 32

PB_NORETURN static void
failed(const char *doing)
{
	die(EXIT_TRY_LATER, "directory.db: cannot %s: %m (%s)", doing, state_why());
}

struct index *
index_open(const char *home, bool *begun_anew)
{
	struct index *ix = mem_new(sizeof(*ix));
	enum state_found found;

	if (state_open(&ix->db, home, "directory.db", CACHE_BYTES, &found) < 0)
		failed("open");
	*begun_anew = found != STATE_FOUND_GOOD;
	return ix;
}

void
index_close(struct index **ix)
{
	state_close(&(*ix)->db);
	free(*ix);
	*ix = NULL;
}

void
index_tend(struct index *ix)
{
	if (state_tend(ix->db, 0) < 0)
		failed("tend");
}

/* -- version ------------------------------------------------------------- */

uint64_t
index_version(const struct index *ix)
{
	return ix->version;
}

void
index_show(struct index *ix, uint64_t *page)
{
	ix->shown = page;
	index_hide(ix, ix->is_hidden);
}

void
index_hide(struct index *ix, bool hide)
{
	ix->is_hidden = hide;
	if (ix->shown != NULL)
		__atomic_store_n(ix->shown, hide ? 0 : ix->version + 1, __ATOMIC_RELEASE);
}

static void
changed(struct index *ix)
{
	ix->version++;
	index_hide(ix, ix->is_hidden);
}

/* -- transactions -------------------------------------------------------- */

void
index_begin(struct index *ix)
{
	if (state_begin(ix->db) < 0)
		failed("begin");
}

void
index_commit(struct index *ix)
{
	if (state_commit(ix->db) < 0)
		failed("commit");
}

void
index_abort(struct index *ix)
{
	changed(ix);
	state_abort(ix->db);
}

/* -- keys ---------------------------------------------------------------- */

struct span
index_key(struct index_key *k, char kind, struct span first, struct span second)
{
	buf_init_fixed(&k->b, k->text, sizeof(k->text));
	buf_char(&k->b, kind);
	buf_char(&k->b, '/');
	buf_span(&k->b, first);
	if (second.p != NULL) {
		buf_char(&k->b, '/');
		buf_span(&k->b, second);
	}
	return k->b.overflow ? SPAN_NONE : buf_view(&k->b);
}

bool
index_get(struct index *ix, struct span key, struct span *value)
{
	size_t n;
	int r;

	if (key.p == NULL)
		return false;
	r = state_get(ix->db, key, 0, ix->value, sizeof(ix->value), &n);
	if (r < 0)
		failed("read");
	*value = span_make(ix->value, n);
	return r == 1;
}

void
index_write(struct index *ix, struct span key, struct span value)
{
	if (key.p != NULL && state_put(ix->db, key, value, STATE_NEVER) < 0)
		failed("write");
}

void
index_put(struct index *ix, struct span key, struct span value)
{
	changed(ix);
	index_write(ix, key, value);
}

void
index_drop(struct index *ix, struct span key)
{
	changed(ix);
	if (key.p != NULL && state_delete(ix->db, key) < 0)
		failed("delete");
}

static int
take_next(struct span key, struct span value PB_UNUSED, int64_t expires PB_UNUSED, void *ctx)
{
	struct index_next *n = ctx;

	if (!span_starts(key, n->prefix))
		return 1;
	if (span_eq(key, n->after))
		return 0;
	buf_init_fixed(&n->found.b, n->found.text, sizeof(n->found.text));
	buf_span(&n->found.b, key);
	n->has = !n->found.b.overflow;
	return 1;
}

bool
index_next_key(struct index *ix, struct index_next *n, struct span prefix, struct span after)
{
	n->prefix = prefix;
	n->after = after;
	n->has = false;
	if (prefix.p == NULL || after.p == NULL)
		return false;
	if (state_each(ix->db, after, 0, take_next, n) < 0)
		failed("walk");
	return n->has;
}

void
index_drop_prefix(struct index *ix, struct span prefix)
{
	struct index_next n;

	while (index_next_key(ix, &n, prefix, prefix))
		index_drop(ix, buf_view(&n.found.b));
	if (prefix.p != NULL)
		index_drop(ix, prefix);
}

/* -- records ------------------------------------------------------------- */

bool
index_get_record(struct index *ix, struct span key, struct record *out)
{
	struct span value;

	return index_get(ix, key, &value) && record_parse(value, FIELDS_MAX, out);
}

void
index_add_stamp(struct buf *out, const struct stamp *st)
{
	record_add_num(out, "mtime", st->mtime_ns);
	record_add_num(out, "size", st->size);
	record_add_num(out, "inode", st->inode);
}

bool
index_read_stamp(const struct record *r, struct stamp *out)
{
	return record_get_num(r, "mtime", UINT64_MAX, &out->mtime_ns)
		&& record_get_num(r, "size", UINT64_MAX, &out->size)
		&& record_get_num(r, "inode", UINT64_MAX, &out->inode);
}

bool
index_flag(const struct record *r, const char *key)
{
	return span_is(record_get(r, key), "1");
}

void
index_add_flag(struct buf *out, const char *key, bool on)
{
	if (on)
		record_add_text(out, key, "1");
}
