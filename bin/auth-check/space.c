/* space: see space.h. */
#include "base/base.h"
#include "space.h"

static void
move(uint64_t *sum, int64_t bytes)
{
	if (bytes >= 0)
		*sum = *sum > INT64_MAX - (uint64_t)bytes ? INT64_MAX : *sum + (uint64_t)bytes;
	else
		*sum = *sum > (uint64_t)-bytes ? *sum - (uint64_t)-bytes : 0;
}

void
space_move(struct space *p, int64_t bytes)
{
	int64_t moved;

	if (bytes < -INT64_MAX)
		return;
	move(&p->kept.used, bytes);
	if (p->counting_ms != 0 && !__builtin_add_overflow(p->moved, bytes, &moved))
		p->moved = moved;
	p->has_moved = true;
}

void
space_counted(struct space *p, uint64_t bytes, uint64_t now_ms)
{
	p->kept.used = bytes;
	p->kept.is_counted = true;
	move(&p->kept.used, p->moved);
	p->has_moved = p->moved != 0;
	p->is_stale = false;
	p->took_ms = now_ms - p->counting_ms;
	p->counted_ms = now_ms;
	p->counting_ms = 0;
	p->moved = 0;
}

uint64_t
space_room(const struct space *p)
{
	uint64_t room = p->kept.used < p->limit ? p->limit - p->kept.used : 0;

	return room < SPACE_NOTHING ? 0 : room;
}

bool
space_is_full(const struct space *p)
{
	return p->kept.is_counted && p->limit > 0 && space_room(p) == 0;
}

bool
space_is_nearly_full(const struct space *p)
{
	return p->limit > 0 && space_room(p) < p->limit / SPACE_NEARLY_PART;
}

bool
space_must_count(const struct space *p, uint64_t recount_ms)
{
	return p->is_stale || !p->kept.is_counted || p->counted_ms < recount_ms;
}

bool
space_count_is_due(const struct space *p, uint64_t recount_ms, uint64_t now_ms)
{
	uint64_t age = now_ms - p->counted_ms, rest = SPACE_REST_TIMES * p->took_ms;

	if (p->counting_ms != 0)
		return false;
	if (space_must_count(p, recount_ms))
		return p->counted_ms == 0 || !p->kept.is_counted || age >= SPACE_STALE_TIMES * p->took_ms;
	if (p->counted_ms == 0)
		return p->has_refused || space_is_nearly_full(p);
	if (!space_is_nearly_full(p))
		return false;
	if (!p->has_moved)
		return space_is_full(p) && age >= SPACE_UNCHANGED_AGAIN_MS + rest;
	return age >= (space_is_full(p) ? SPACE_FULL_AGAIN_MS : SPACE_NEARLY_AGAIN_MS) + rest;
}

bool
space_may_warn(const struct space *p, int64_t now_s)
{
	/* A time that is still to come was written under a wrong clock. */
	return now_s - p->kept.warned_s >= SPACE_WARN_S || p->kept.warned_s > now_s;
}

bool
space_warning_is_due(const struct space *p, int64_t now_s, uint64_t now_ms)
{
	if (!p->kept.is_counted || p->counted_ms == 0 || p->limit == 0 || !(p->has_refused || space_is_full(p)))
		return false;
	if (p->warning_ms != 0 && now_ms - p->warning_ms < SPACE_WARN_AGAIN_MS)
		return false;
	return space_may_warn(p, now_s);
}
