/*
 * spaces: see spaces.h.
 *
 * Domains that were asked for stand in a balanced tree; there are never more
 * than the index has.  Those that the counter may have to look at stand in a list
 * of their own, which is all that spaces_next walks.
 *
 * Invariants:
 *  1. A domain that is not in the index has no entry when a call that named it returns.
 *  2. A domain that is to be counted, or told of, is in the list (is_watched).
 *  3. At most one is being counted: the counter does one thing after the other.
 */
#include "base/base.h"
#include "spaces.h"

#include <search.h>
#include <stdlib.h>

#include "base/die.h"
#include "base/mem.h"
#include "space.h"
#include "sys/clock.h"

struct spaces {
	struct index *ix;
	void *tree;			/* tsearch(3), by name */
	struct space *changed, *watched;
	struct space *counting;		/* NULL: none */
	uint64_t recount_ms;		/* what was counted before is to be counted again */
	void (*on_short)(void *ctx);	/* NULL: nobody asks */
	void *ctx;
};

struct spaces *
spaces_new(struct index *ix)
{
	struct spaces *s = mem_new(sizeof(*s));

	s->ix = ix;
	return s;
}

void
spaces_on_short(struct spaces *s, void (*on_short)(void *ctx), void *ctx)
{
	s->on_short = on_short;
	s->ctx = ctx;
}

static void
free_space(void *node)
{
	struct space *p = node;

	free(p->name);
	free(p);
}

void
spaces_free(struct spaces **s)
{
	tdestroy((*s)->tree, free_space);
	free(*s);
	*s = NULL;
}

static int
compare(const void *a, const void *b)
{
	return strcmp(((const struct space *)a)->name, ((const struct space *)b)->name);
}

/* -- the lists -------------------------------------------------------------- */

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
	if (p->is_changed)
		return;
	p->is_changed = true;
	p->next_changed = s->changed;
	s->changed = p;
}

static void
drop(struct spaces *s, struct space *p)
{
	struct space **at;

	for (at = &s->changed; p->is_changed && *at != NULL; at = &(*at)->next_changed)
		if (*at == p) {
			*at = p->next_changed;
			break;
		}
	for (at = &s->watched; p->is_watched && *at != NULL; at = &(*at)->next_watched)
		if (*at == p) {
			*at = p->next_watched;
			break;
		}
	if (s->counting == p)
		s->counting = NULL;
	tdelete(p, &s->tree, compare);
	free_space(p);
}

/* -- entries ------------------------------------------------------------------ */

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

static struct space *
make(struct spaces *s, const char *name)
{
	struct space *p = mem_new(sizeof(*p));

	p->name = mem_text(name);
	p->has_moved = true;	/* in an earlier life, perhaps */
	index_get_space(s->ix, span_of(name), &p->kept);
	if (tsearch(p, &s->tree, compare) == NULL)
		die(EXIT_TRY_LATER, "out of memory");
	return p;
}

/* The entry of a domain of ours; NULL when it is none. */
static struct space *
find(struct spaces *s, struct span domain)
{
	char name[LIMIT_DOMAIN + 1];
	struct space key = { .name = name }, *p;
	struct space **at;

	if (domain.n == 0 || domain.n > LIMIT_DOMAIN)
		return NULL;
	memcpy(name, domain.p, domain.n);
	name[domain.n] = '\0';
	at = tfind(&key, &s->tree, compare);
	p = at != NULL ? *at : make(s, name);
	if (!learn_limit(s, p)) {
		drop(s, p);
		return NULL;
	}
	if (space_must_count(p, s->recount_ms) || space_is_nearly_full(p))
		watch(s, p);
	return p;
}

/* Its sum has moved. */
static void
moved(struct spaces *s, struct space *p)
{
	bool was_short = p->is_short;

	note_change(s, p);
	if (space_is_nearly_full(p))
		watch(s, p);
	p->is_short = p->limit != 0 && p->kept.is_counted && space_room(p) < SPACE_PLENTY;
	if (p->is_short && !was_short && s->on_short != NULL)
		s->on_short(s->ctx);
}

/* -- what is told, and asked ---------------------------------------------------- */

void
spaces_add(struct spaces *s, struct span domain, int64_t bytes)
{
	struct space *p = find(s, domain);

	if (p == NULL || bytes == 0)
		return;
	space_move(p, bytes);
	moved(s, p);
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

	if (p == NULL || p->limit == 0 || !space_may_warn(p, clock_wall_ms() / 1000))
		return;
	p->has_refused = true;
	watch(s, p);
}

void
spaces_save(struct spaces *s)
{
	struct space *p;

	while ((p = s->changed) != NULL) {
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
	const struct space *p = find(s, domain);

	if (p == NULL || p->limit == 0 || !p->kept.is_counted)
		return false;
	*room_out = space_room(p);
	return true;
}

bool
spaces_any_watched(const struct spaces *s)
{
	return s->watched != NULL;
}

static struct space_use
use_of(const struct space *p)
{
	return (struct space_use){ p->kept.is_counted, p->kept.used, p->limit };
}

bool
spaces_use(struct spaces *s, struct span domain, struct space_use *out)
{
	const struct space *p = find(s, domain);

	if (p != NULL)
		*out = use_of(p);
	return p != NULL;
}

/* -- the counter's work --------------------------------------------------- */

/* What is due of the domain now; marks it as begun. */
static enum space_work
begin(struct spaces *s, struct space *p)
{
	uint64_t now = clock_ms();

	if (space_count_is_due(p, s->recount_ms, now)) {
		p->counting_ms = now;
		p->moved = 0;
		s->counting = p;
		return SPACES_COUNT;
	}
	if (space_warning_is_due(p, clock_wall_ms() / 1000, now)) {
		p->warning_ms = now;
		return SPACES_WARN;
	}
	return SPACES_IDLE;
}

/* The next of those in the list that is due; what has no reason to be in it any more leaves. */
enum space_work
spaces_next(struct spaces *s, char domain_out[LIMIT_DOMAIN + 1], struct space_use *use_out)
{
	struct space **at = &s->watched, *p;
	enum space_work work;

	/* It asks: what it was counting it has given up. */
	if (s->counting != NULL)
		s->counting->counting_ms = 0;
	s->counting = NULL;
	while ((p = *at) != NULL) {
		bool is_known = learn_limit(s, p);

		if (is_known && (work = begin(s, p)) != SPACES_IDLE) {
			snprintf(domain_out, LIMIT_DOMAIN + 1, "%s", p->name);
			*use_out = use_of(p);
			return work;
		}
		if (is_known && (p->has_refused || space_is_nearly_full(p))) {
			at = &p->next_watched;
			continue;
		}
		*at = p->next_watched;
		p->is_watched = false;
		if (!is_known)
			drop(s, p);
	}
	return SPACES_IDLE;
}

void
spaces_counted(struct spaces *s, struct span domain, uint64_t bytes)
{
	struct space *p = find(s, domain);

	if (p == NULL || p != s->counting)
		return;
	s->counting = NULL;
	space_counted(p, bytes, clock_ms());
	moved(s, p);
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
