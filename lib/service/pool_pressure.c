/*
 * pool_pressure: what the parent does as its places run out.
 *
 * Crowded (CROWDED_PERCENT of max_total): workers are told, and give strangers
 * CROWDED_WAIT_MS where the settings give minutes; a stranger that began to wait
 * before, and has been silent that long, is ended now.
 * Full: the stranger that has been silent longest goes, so that the next client
 * finds a place.
 *
 * A stranger is a session that has not logged in and is not on the whitelist.
 * Who has been silent since when, workers write into their pages of the
 * scoreboard themselves; one that lies keeps its own place and no other.
 * Ending is a signal that only shortens the session's wait for its next
 * command: it says good-bye itself, and a message under way is not touched.
 */
#include "base/base.h"
#include "service/pool.h"
#include "base/mem.h"
#include "sys/clock.h"

#include <signal.h>
#include <stdlib.h>

#define CROWDED_PERCENT 80
/* Crowded ends a little below, so that one session more or less is no event. */
#define CALM_PERCENT 70
/* Between two looks: while crowded, and while full. */
#define LOOK_MS 1000
#define LOOK_FULL_MS 200
/* Who spoke less than this ago is not idle, however full it is. */
#define FULL_WAIT_MS 1000
/* Sessions ended in one look at most: one in so many of all, and at least one. */
#define ENDED_SHARE 20

static bool
is_crowded(const struct pool *p)
{
	return (uint64_t)p->busy * 100 >= (uint64_t)p->max_total * (p->was_crowded ? CALM_PERCENT : CROWDED_PERCENT);
}

static bool
is_full(const struct pool *p)
{
	return p->busy >= p->max_total;
}

struct idle {
	uint64_t since;
	pid_t pid;
};

static int
by_since(const void *a, const void *b)
{
	const struct idle *x = a, *y = b;

	return x->since < y->since ? -1 : x->since > y->since;
}

/* Strangers silent for at least wait_ms, the longest first. */
static size_t
find_idle(const struct pool *p, uint64_t wait_ms, struct idle *out)
{
	uint64_t now = clock_ms();
	size_t n = 0;

	for (unsigned i = 0; i < p->max_total; i++) {
		uint64_t since;

		if (p->workers[i].pid == 0 || !p->workers[i].is_busy)
			continue;
		since = scoreboard_waiting_since(p->board, i);
		if (since != 0 && since <= now && now - since >= wait_ms)
			out[n++] = (struct idle){ since, p->workers[i].pid };
	}
	qsort(out, n, sizeof(*out), by_since);
	return n;
}

static void
end_idle(struct pool *p)
{
	size_t most = p->max_total / ENDED_SHARE + 1;
	size_t n = find_idle(p, is_full(p) ? FULL_WAIT_MS : SESSION_CROWDED_MS, p->idle);

	if (n > most)
		n = most;
	for (size_t i = 0; i < n; i++)
		(void)kill(p->idle[i].pid, SESSION_END_SIGNAL);
	if (n > 0)
		log_line(p->svc, NULL, NULL, "event=idle-ended sessions=%zu busy=%u max=%u", n, p->busy, p->max_total);
}

static void
on_look(void *ctx)
{
	struct pool *p = ctx;

	p->look = NULL;
	end_idle(p);
	pool_pressure_update(p);
}

void
pool_pressure_update(struct pool *p)
{
	bool crowded = is_crowded(p);

	pressure_tell(p->svc->pressure, p->busy, crowded);
	if (crowded != p->was_crowded)
		log_line(p->svc, NULL, NULL, "event=%s busy=%u max=%u", crowded ? "crowded" : "not-crowded", p->busy,
			p->max_total);
	p->was_crowded = crowded;
	if (crowded && p->look == NULL && !p->is_stopping)
		p->look = loop_timer(p->loop, is_full(p) ? LOOK_FULL_MS : LOOK_MS, on_look, p);
}

void
pool_pressure_start(struct pool *p)
{
	p->svc->pressure = pressure_new();
	p->svc->open_places = p->max_total - (unsigned)((uint64_t)p->max_total * p->svc->pool.reserve_percent / 100);
	p->idle = mem_array(p->max_total, sizeof(*p->idle));
}
