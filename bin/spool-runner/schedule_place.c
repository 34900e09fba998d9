/*
 * schedule_place: who may have a place among the deliveries.
 *
 * All deliveries to other hosts together are maxDeliveryThreads at most, those
 * to one domain as its window says (destination.h), and those to domains
 * whose last attempt failed half of all: so many dead domains do not take every place
 * with their time-outs.
 *
 * A round that starts for one domain has a place reserved, so that of a thousand
 * that wait for one place one is read.
 */
#include "base/base.h"
#include "schedule.h"

#include "base/mem.h"

static size_t
most_troubled(const struct schedule *s)
{
	return s->max_remote > 1 ? s->max_remote / 2 : 1;
}

/* The kind of its lane follows from what it has and how it answers. */
static void
settle_lane(struct schedule *s, uint32_t dest)
{
	enum queue_lane kind = dest < DEST_FIRST ? QUEUE_HERE :
	    destination_is_troubled(s->dests, dest) ? QUEUE_TROUBLED : QUEUE_OUTSIDE;

	if (!destination_is_open(s->dests, dest, schedule_now()))
		kind = QUEUE_CLOSED;
	queue_open(s->queue, dest, kind);
}

uint32_t
schedule_dest(struct schedule *s, struct span domain)
{
	uint32_t dest = destination_get(s->dests, domain);

	settle_lane(s, dest);
	return dest;
}

void
schedule_dest_put(struct schedule *s, uint32_t dest)
{
	if (destination_put(s->dests, dest))
		queue_open(s->queue, dest, QUEUE_CLOSED);
}

void
schedule_set_dest(struct schedule *s, uint32_t entry, uint32_t dest)
{
	uint32_t was = queue_at(s->queue, entry)->dest;

	if (was == dest)
		return;
	destination_keep(s->dests, dest);
	queue_set_dest(s->queue, entry, dest);
	schedule_dest_put(s, was);
}

void
schedule_remove(struct schedule *s, uint32_t entry)
{
	uint32_t dest = queue_at(s->queue, entry)->dest;

	queue_remove(s->queue, entry);
	schedule_dest_put(s, dest);
}

bool
schedule_has_place(const struct schedule *s, uint32_t dest)
{
	if (!destination_is_open(s->dests, dest, schedule_now()))
		return false;
	if (dest < DEST_FIRST)
		return true;
	return s->remote_jobs < s->max_remote &&
	    (!destination_is_troubled(s->dests, dest) || s->troubled_jobs < most_troubled(s));
}

unsigned
schedule_lanes(const struct schedule *s)
{
	unsigned mask = 1u << QUEUE_HERE;

	if (s->remote_jobs < s->max_remote)
		mask |= 1u << QUEUE_OUTSIDE;
	if (s->remote_jobs < s->max_remote && s->troubled_jobs < most_troubled(s))
		mask |= 1u << QUEUE_TROUBLED;
	return mask;
}

void
schedule_job_begins(struct schedule *s, uint32_t dest)
{
	destination_keep(s->dests, dest);
	destination_begins(s->dests, dest);
	if (dest >= DEST_FIRST) {
		s->remote_jobs++;
		s->troubled_jobs += destination_is_troubled(s->dests, dest);
	}
	settle_lane(s, dest);
}

void
schedule_job_ends(struct schedule *s, uint32_t dest)
{
	destination_ends(s->dests, dest);
	if (dest >= DEST_FIRST) {
		s->remote_jobs--;
		s->troubled_jobs -= destination_is_troubled(s->dests, dest);
	}
	settle_lane(s, dest);
	schedule_dest_put(s, dest);
	schedule_kick(s);
}

/* Its lane opens again when the rest is over. */
static void
remember_rest(struct schedule *s, uint32_t dest)
{
	if (s->resting_count == s->resting_size) {
		s->resting_size = s->resting_size == 0 ? 64 : 2 * s->resting_size;
		s->resting = mem_resize_array(s->resting, s->resting_size, sizeof(*s->resting));
	}
	destination_keep(s->dests, dest);
	s->resting[s->resting_count++] = dest;
}

void
schedule_answered(struct schedule *s, uint32_t dest, const struct verdict *v, bool dns)
{
	bool was = destination_is_troubled(s->dests, dest), is;
	int64_t rested = destination_rests_until(s->dests, dest);

	destination_answered(s->dests, dest, v, dns, schedule_now());
	is = destination_is_troubled(s->dests, dest);
	if (dest >= DEST_FIRST && is && !was)
		s->troubled_jobs += destination_jobs(s->dests, dest);
	else if (dest >= DEST_FIRST && was && !is)
		s->troubled_jobs -= destination_jobs(s->dests, dest);
	if (destination_rests_until(s->dests, dest) > rested)
		remember_rest(s, dest);
	settle_lane(s, dest);
}

void
schedule_place_tick(struct schedule *s)
{
	int64_t now = schedule_now();
	size_t left = 0;

	for (size_t i = 0; i < s->resting_count; i++) {
		uint32_t dest = s->resting[i];

		if (destination_rests_until(s->dests, dest) > now) {
			s->resting[left++] = dest;
			continue;
		}
		settle_lane(s, dest);
		schedule_dest_put(s, dest);
		schedule_kick(s);
	}
	s->resting_count = left;
}
