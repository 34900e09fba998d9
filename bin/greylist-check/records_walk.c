/* records_walk: pages of records, for lists and for removal. */
#include "base/base.h"
#include "records_private.h"

#include <stdlib.h>
#include "base/mem.h"

struct walk {
	row_fn *fn;
	void *ctx;
	int64_t now;
	size_t looked_at, doomed;
	struct record_key remove[RECORDS_STEP];
	struct { bool is_counted, is_passed; } was[RECORDS_STEP];
	char *next;
	size_t next_n;
};

static int
stop_here(struct walk *w, struct span key)
{
	memcpy(w->next, key.p, key.n);
	w->next_n = key.n;
	return 1;
}

static int
walk_one(struct span key, struct span value, int64_t expires, void *ctx)
{
	struct walk *w = ctx;
	struct record_value v;
	struct row row;
	int what;

	if (key.n != RECORD_KEY_SIZE || (key.p[0] != RECORD_CONTACT && key.p[0] != RECORD_KNOWN))
		return 1;
	if (w->looked_at++ == RECORDS_STEP)
		return stop_here(w, key);
	if (expires <= w->now || !record_value_read(value, &v))
		return 0;
	row = (struct row){ .key = key, .state = record_kind_name(v.kind), .origin = v.origin,
		.sender = v.sender, .recipient = v.recipient, .first_s = v.first_s, .last_s = v.last_s,
		.expires_s = expires };
	what = w->fn(&row, w->ctx);
	if (what == 1)
		return stop_here(w, key);
	if (what == 2) {
		memcpy(w->remove[w->doomed].bytes, key.p, key.n);
		w->was[w->doomed].is_counted = v.is_counted;
		w->was[w->doomed++].is_passed = v.kind == RECORD_PASSED;
	}
	return 0;
}

static int
remove_doomed(struct records *r, const struct walk *w)
{
	for (size_t i = 0; i < w->doomed; i++) {
		if (state_delete(r->db, record_key_view(&w->remove[i])) < 0)
			return -1;
		records_uncount(r, w->was[i].is_counted, w->was[i].is_passed, false);
	}
	return 0;
}

int
records_walk(struct records *r, struct span from, int64_t now, row_fn *fn, void *ctx, char *next_out)
{
	static const char first[] = { RECORD_CONTACT };
	struct walk *w = mem_new(sizeof(*w));
	int result;

	w->fn = fn;
	w->ctx = ctx;
	w->now = now;
	w->next = next_out;
	result = state_each(r->db, from.n > 0 ? from : span_make(first, 1), ANY_AGE, walk_one, w);
	if (result >= 0 && remove_doomed(r, w) < 0)
		result = -1;
	if (result >= 0)
		result = (int)w->next_n;
	free(w);
	return result;
}
