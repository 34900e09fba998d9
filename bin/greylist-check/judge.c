/* judge: see judge.h. */
#include "base/base.h"
#include "judge.h"

int64_t
judge_expires(const struct periods *p, const struct seen *record)
{
	return record->state == SEEN_PASSED ? record->last_s + p->keep_s : record->first_s + p->pass_s;
}

static bool
is_live(const struct periods *p, const struct seen *s, int64_t now)
{
	return s != NULL && s->state != SEEN_NOT && s->first_s <= now && s->last_s <= now
		&& now < judge_expires(p, s);
}

/* A sender that retried, but after the pass period. */
static bool
is_late(const struct periods *p, const struct seen *s, int64_t now)
{
	return s != NULL && s->state == SEEN_WAITING && s->first_s <= now && now >= judge_expires(p, s);
}

/* The live record that counts: a passed one, else the one that has waited longest. */
static const struct seen *
better(const struct seen *a, const struct seen *b)
{
	if (a == NULL || b == NULL)
		return a != NULL ? a : b;
	if (a->state != b->state)
		return a->state == SEEN_PASSED ? a : b;
	return a->first_s <= b->first_s ? a : b;
}

static bool
differs(const struct seen *s, const struct seen *wanted)
{
	return s != NULL && (s->state != wanted->state || s->first_s != wanted->first_s
		|| wanted->last_s - s->last_s >= JUDGE_PROLONG_S || s->last_s > wanted->last_s);
}

static struct judged
passed(const struct seen *best, const struct seen *network, const struct seen *domain, int64_t now)
{
	struct judged j = { .passes = true,
		.name = best->state == SEEN_PASSED ? "passed-before" : "came-back",
		.record = { SEEN_PASSED, best->first_s, now } };

	j.writes = differs(network, &j.record) || differs(domain, &j.record);
	return j;
}

static struct judged
waits(const char *name, int64_t first, const struct periods *p, const struct seen *network,
	const struct seen *domain)
{
	struct judged j = { .name = name, .earliest_s = first + p->block_s,
		.record = { SEEN_WAITING, first, first } };

	j.writes = differs(network, &j.record) || differs(domain, &j.record);
	return j;
}

struct judged
judge(const struct periods *p, const struct seen *network, const struct seen *domain, int64_t now)
{
	const struct seen *best = better(is_live(p, network, now) ? network : NULL,
		is_live(p, domain, now) ? domain : NULL);

	if (best == NULL)
		return waits(is_late(p, network, now) || is_late(p, domain, now) ? "too-late" : "first-contact",
			now, p, network, domain);
	if (best->state == SEEN_WAITING && now < best->first_s + p->block_s)
		return waits("too-early", best->first_s, p, network, domain);
	return passed(best, network, domain, now);
}
