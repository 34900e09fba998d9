/*
 * spaces: see spaces.h.
 *
 * Domains that were asked for stand in a balanced tree; there are never more
 * than the index has.  Those that the counter may have to look at stand in a list
 * of their own, which is all that spaces_next walks.
 *
 * Invariants:
 *  1. A domain that is not in the index has no entry when a call returns.
 *  2. What is_due says of is in the list (is_watched).
 */
#include "base/base.h"
#include "spaces.h"

#include <search.h>
#include <stdlib.h>

#include "base/die.h"
#include "base/mem.h"
#include "sys/clock.h"

/* Less than this part of the limit left: nearly full. */
#define NEARLY_PART 16
/* A full domain is counted so long after its last count, a nearly full one so
 * long; without a change in between only that long.  And never so often that
 * counting takes more than a hundredth of the time. */
#define FULL_AGAIN_MS 10000
#define NEARLY_AGAIN_MS 60000
#define UNCHANGED_AGAIN_MS 300000
#define REST_TIMES 100
/* The counter may have died. */
#define COUNTING_MS 3600000

struct space {
	char name[LIMIT_DOMAIN + 1];
	struct space *next_changed, *next_watched;
	bool is_changed, is_watched;	/* it stands in that list */
	bool is_stale;			/* to be counted whatever it says */
	bool has_moved;			/* since its last count */
	bool has_refused;		/* since the last warning */
	struct index_space kept;
	uint64_t limit, limit_version;	/* bytes, as of that version of the index */
	uint64_t counted_ms;		/* clock_ms of the last count, 0: not in this life */
	uint64_t took_ms;		/* and how long it took */
	uint64_t counting_ms;		/* since when it is being counted; 0: it is not */
	int64_t moved;			/* while it was being counted */
};

struct spaces {
	struct index *ix;
	void *tree;			/* tsearch(3), by name */
	struct space *changed, *watched;
	uint64_t recount_ms;		/* what was counted before is to be counted again */
};

struct spaces *
spaces_new(struct index *ix)
{
	struct spaces *s = mem_new(sizeof(*s));

	s->ix = ix;
	return s;
}

static int
compare(const void *a, const void *b)
{
	return strcmp(((const struct space *)a)->name, ((const struct space *)b)->name);
}

static void
watch(struct spaces *s, struct space *p)
{
	if (p->is_watched)
		return;
	p->is_watched = true;
	p->next_watched = s->watched;
	s->watched = p;
}

static void
note_change(struct spaces *s, struct space *p)
{
	p->has_moved = true;
	if (p->is_changed)
		return;
	p->is_changed = true;
	p->next_changed = s->changed;
	s->changed = p;
}

static uint64_t
room_of(const struct space *p)
{
	uint64_t room = p->kept.used < p->limit ? p->limit - p->kept.used : 0;

	return room < SPACES_NOTHING ? 0 : room;
}

static bool
is_full(const struct space *p)
{
	return p->kept.is_counted && p->limit > 0 && room_of(p) == 0;
}

static bool
is_nearly_full(const struct space *p)
{
	return p->limit > 0 && room_of(p) < p->limit / NEARLY_PART;
}

static bool
may_warn(const struct space *p, int64_t now_s)
{
	return now_s - p->kept.warned_s >= SPACES_WARN_S || p->kept.warned_s > now_s;
}

/* The domain's limit as of now; false when it is none of ours. */
static bool
learn_limit(struct spaces *s, struct space *p)
{
	struct domain d;

	if (p->limit_version == index_version(s->ix) + 1)
		return true;
	if (!index_domain(s->ix, span_of(p->name), &d))
		return false;
	p->limit = d.space_mb << 20;
	p->limit_version = index_version(s->ix) + 1;
	return true;
}

static void
unlink_from(struct space **list, const struct space *p, bool is_watched)
{
	for (; *list != NULL; list = is_watched ? &(*list)->next_watched : &(*list)->next_changed)
		if (*list == p) {
			*list = is_watched ? p->next_watched : p->next_changed;
			return;
		}
}

static void
drop(struct spaces *s, struct space *p)
{
	if (p->is_changed)
		unlink_from(&s->changed, p, false);
	if (p->is_watched)
		unlink_from(&s->watched, p, true);
	tdelete(p, &s->tree, compare);
	free(p);
}

/* Whatever its sum says. */
static bool
must_count(const struct spaces *s, const struct space *p)
{
	return p->is_stale || !p->kept.is_counted || p->counted_ms < s->recount_ms;
}

/* The entry of a domain of ours; NULL when it is none. */
static struct space *
find(struct spaces *s, struct span domain)
{
	struct space key = { .name = "" }, *p;
	void **at;

	if (domain.n == 0 || domain.n > LIMIT_DOMAIN)
		return NULL;
	memcpy(key.name, domain.p, domain.n);
	at = tfind(&key, &s->tree, compare);
	if (at != NULL) {
		p = *at;
	} else {
		p = mem_new(sizeof(*p));
		memcpy(p->name, key.name, sizeof(p->name));
		if (tsearch(p, &s->tree, compare) == NULL)
			die(EXIT_TRY_LATER, "out of memory");
		index_get_space(s->ix, domain, &p->kept);
		p->has_moved = true;	/* in an earlier life, perhaps */
	}
	if (!learn_limit(s, p)) {
		drop(s, p);
		return NULL;
	}
	if (must_count(s, p) || is_nearly_full(p))
		watch(s, p);
	return p;
}

/* A sum never goes below nothing: what was told twice, or never, is found by counting. */
static void
move(uint64_t *sum, int64_t bytes)
{
	if (bytes >= 0)
		*sum = *sum > INT64_MAX - (uint64_t)bytes ? INT64_MAX : *sum + (uint64_t)bytes;
	else
		*sum = *sum > (uint64_t)-bytes ? *sum - (uint64_t)-bytes : 0;
}

void
spaces_add(struct spaces *s, struct span domain, int64_t bytes)
{
	struct space *p = find(s, domain);
	int64_t moved;

	if (p == NULL || bytes == 0 || bytes < -INT64_MAX)
		return;
	move(&p->kept.used, bytes);
	if (p->counting_ms != 0 && !__builtin_add_overflow(p->moved, bytes, &moved))
		p->moved = moved;
	note_change(s, p);
	if (is_nearly_full(p))
		watch(s, p);
}

void
spaces_recount(struct spaces *s, struct span domain)
{
	struct space *p = find(s, domain);

	if (p == NULL)
		return;
	p->is_stale = true;
	watch(s, p);
}

void
spaces_recount_all(struct spaces *s)
{
	s->recount_ms = clock_ms();
}

void
spaces_refused(struct spaces *s, struct span domain)
{
	struct space *p = find(s, domain);

	if (p == NULL || p->limit == 0 || !may_warn(p, clock_wall_ms() / 1000))
		return;
	p->has_refused = true;
	watch(s, p);
}

void
spaces_save(struct spaces *s)
{
	while (s->changed != NULL) {
		struct space *p = s->changed;

		s->changed = p->next_changed;
		p->is_changed = false;
		if (learn_limit(s, p))
			index_put_space(s->ix, span_of(p->name), &p->kept);
		else
			drop(s, p);
	}
}

bool
spaces_room(struct spaces *s, struct span domain, uint64_t *room_out)
{
	struct space *p = find(s, domain);

	if (p == NULL || p->limit == 0 || !p->kept.is_counted)
		return false;
	*room_out = room_of(p);
	return true;
}

bool
spaces_any_watched(const struct spaces *s)
{
	return s->watched != NULL;
}

bool
spaces_use(struct spaces *s, struct span domain, struct space_use *out)
{
	const struct space *p = find(s, domain);

	if (p == NULL)
		return false;
	*out = (struct space_use){ p->kept.is_counted, p->kept.used, p->limit };
	return true;
}

/* -- the counter's work --------------------------------------------------- */

static bool
is_count_due(const struct spaces *s, const struct space *p, uint64_t now)
{
	uint64_t age = now - p->counted_ms, rest = REST_TIMES * p->took_ms;

	if (p->counting_ms != 0 && now - p->counting_ms < COUNTING_MS)
		return false;
	if (must_count(s, p))
		return true;
	if (p->counted_ms == 0)
		return p->has_refused || is_nearly_full(p);
	if (!is_nearly_full(p))
		return false;
	if (!p->has_moved)
		return is_full(p) && age >= UNCHANGED_AGAIN_MS + rest;
	return age >= (is_full(p) ? FULL_AGAIN_MS : NEARLY_AGAIN_MS) + rest;
}

/* Only of what was counted in this life, so that it is true. */
static bool
is_warn_due(const struct space *p, int64_t now_s)
{
	return p->kept.is_counted && p->counted_ms != 0 && p->limit > 0 && (p->has_refused || is_full(p)) &&
	       may_warn(p, now_s);
}

static bool
has_reason(const struct spaces *s, const struct space *p)
{
	return must_count(s, p) || p->counting_ms != 0 || p->has_refused || is_nearly_full(p);
}

/* The next of those in the list that is due; what has no reason to be in it any more leaves. */
enum space_work
spaces_next(struct spaces *s, char domain_out[LIMIT_DOMAIN + 1], struct space_use *use_out)
{
	uint64_t now = clock_ms();
	int64_t now_s = clock_wall_ms() / 1000;
	struct space **at = &s->watched, *p;

	while ((p = *at) != NULL) {
		bool is_known = learn_limit(s, p), counts = is_known && is_count_due(s, p, now);

		if (counts || (is_known && is_warn_due(p, now_s))) {
			memcpy(domain_out, p->name, sizeof(p->name));
			*use_out = (struct space_use){ p->kept.is_counted, p->kept.used, p->limit };
			if (!counts)
				return SPACE_WARN;
			p->counting_ms = now;
			p->moved = 0;
			return SPACE_COUNT;
		}
		if (is_known && has_reason(s, p)) {
			at = &p->next_watched;
			continue;
		}
		*at = p->next_watched;
		p->is_watched = false;
		if (!is_known)
			drop(s, p);
	}
	return SPACE_NOTHING;
}

void
spaces_counted(struct spaces *s, struct span domain, uint64_t bytes)
{
	struct space *p = find(s, domain);
	uint64_t now = clock_ms();

	if (p == NULL || p->counting_ms == 0)
		return;
	p->kept.used = bytes;
	p->kept.is_counted = true;
	move(&p->kept.used, p->moved);
	note_change(s, p);
	p->has_moved = p->moved != 0;
	p->is_stale = false;
	p->took_ms = now - p->counting_ms;
	p->counted_ms = now;
	p->counting_ms = 0;
	if (is_nearly_full(p))
		watch(s, p);
}

void
spaces_warned(struct spaces *s, struct span domain)
{
	struct space *p = find(s, domain);

	if (p == NULL)
		return;
	p->has_refused = false;
	p->kept.warned_s = clock_wall_ms() / 1000;
	/* At once: a restart must not warn again. */
	index_put_space(s->ix, domain, &p->kept);
}
