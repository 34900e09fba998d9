/*
 * records_counts: the counters, kept in memory, written once a second, and exact as
 * long as the process is not killed.
 *
 * Of the one or two records of a contact one is counted, so that a contact counts once;
 * it says so itself, and is followed until it is removed.
 */
#include "base/base.h"
#include "records_private.h"

#include <errno.h>

#define COUNTS_KEY SPAN("c")

/* A counted record goes from what was found to what was judged. */
static void
move_counts(struct counts *n, const struct found *was, const struct judged *j)
{
	if (was->is_counted && was->seen.state == SEEN_WAITING)
		n->waiting -= n->waiting > 0;
	if (was->is_counted && was->seen.state == SEEN_PASSED)
		n->known_good -= n->known_good > 0;
	if (was->is_counted && was->seen.state == SEEN_WAITING && strcmp(j->name, "too-late") == 0)
		n->gave_up++;
	if (j->record.state == SEEN_WAITING)
		n->waiting++;
	else
		n->known_good++;
}

void
records_count_write(struct records *r, const struct judged *j, const struct found *a, bool a_counts,
	const struct found *b, bool b_counts)
{
	pthread_mutex_lock(&r->counts_lock);
	if (a_counts)
		move_counts(&r->counts, a, j);
	if (b_counts)
		move_counts(&r->counts, b, j);
	r->counts.first += strcmp(j->name, "first-contact") == 0 || strcmp(j->name, "too-late") == 0;
	r->counts.back += strcmp(j->name, "came-back") == 0;
	r->counts_changed = true;
	pthread_mutex_unlock(&r->counts_lock);
}

void
records_uncount(struct records *r, bool is_counted, bool is_passed, bool gave_up)
{
	if (!is_counted)
		return;
	pthread_mutex_lock(&r->counts_lock);
	if (is_passed)
		r->counts.known_good -= r->counts.known_good > 0;
	else
		r->counts.waiting -= r->counts.waiting > 0;
	r->counts.gave_up += gave_up && !is_passed;
	r->counts_changed = true;
	pthread_mutex_unlock(&r->counts_lock);
}

void
records_count(struct records *r, size_t field_offset)
{
	pthread_mutex_lock(&r->counts_lock);
	(*(uint64_t *)(void *)((char *)&r->counts + field_offset))++;
	r->counts_changed = true;
	pthread_mutex_unlock(&r->counts_lock);
}

struct counts
records_counts(struct records *r)
{
	struct counts n;

	pthread_mutex_lock(&r->counts_lock);
	n = r->counts;
	pthread_mutex_unlock(&r->counts_lock);
	return n;
}

int
records_save_counts(struct records *r)
{
	struct counts n;
	bool changed;

	pthread_mutex_lock(&r->counts_lock);
	n = r->counts;
	changed = r->counts_changed;
	r->counts_changed = false;
	pthread_mutex_unlock(&r->counts_lock);
	return changed ? state_put(r->db, COUNTS_KEY, span_make(&n, sizeof(n)), STATE_NEVER) : 0;
}

/* Of another size: of another version, and begun anew. */
int
records_load_counts(struct records *r)
{
	struct counts saved;
	size_t n = 0;
	int found = state_get(r->db, COUNTS_KEY, ANY_AGE, &saved, sizeof(saved), &n);

	if (found < 0 && errno != EMSGSIZE)
		return -1;
	if (found == 1 && n == sizeof(saved))
		r->counts = saved;
	return 0;
}

int
records_on_expire(struct span key, struct span value, int64_t expires PB_UNUSED, void *ctx)
{
	struct record_value v;

	if (key.n == RECORD_KEY_SIZE && key.p[0] == RECORD_CONTACT && record_value_read(value, &v))
		records_uncount(ctx, v.is_counted, v.kind == RECORD_PASSED, true);
	return 0;
}
