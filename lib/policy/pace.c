/*
 * pace: see pace.h.
 */
#include "base/base.h"
#include "policy/pace.h"

static void
next_window(struct pace *p, uint64_t now)
{
	p->start = now;
	p->bytes = 0;
}

void
pace_begin(struct pace *p, uint64_t window_ms, uint64_t rate, uint64_t now)
{
	*p = (struct pace){ .window_ms = window_ms, .rate = rate, .start = now };
}

void
pace_terms(struct pace *p, uint64_t window_ms, uint64_t rate, uint64_t now)
{
	if (p->window_ms == window_ms && p->rate == rate)
		return;
	p->window_ms = window_ms;
	p->rate = rate;
	next_window(p, now);
}

void
pace_take(struct pace *p, uint64_t n, uint64_t now)
{
	p->bytes += n;
	if (p->rate > 0 && p->bytes >= p->rate * p->window_ms / 1000)
		next_window(p, now);
}

uint64_t
pace_end(const struct pace *p)
{
	return p->start + p->window_ms;
}
