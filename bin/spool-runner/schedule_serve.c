/*
 * schedule_serve: answer requests on the socket run/pub/schedule, as
 * lib/spool/control.h describes them.
 *
 * Trust: callers are root, the owner and pbmail, by the kernel's word, and
 * pbsmtp, which faces the network and may ask for a turn only; the records of
 * all are read as hostile.  A caller that does not read its answers
 * is dropped.
 */
#include "base/base.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/die.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/record.h"
#include "change.h"
#include "io/door.h"
#include "quarantine.h"
#include "round.h"
#include "round_jobs.h"
#include "schedule.h"
#include "spool/control.h"
#include "sys/peer.h"

#define CLIENTS_MAX 64
#define FIELDS_MAX (CONTROL_IDS_MAX + 16)

struct client {
	struct schedule *s;
	struct loop_fd *watch;
	size_t *count;
	bool is_listener;		/* faces the network: may ask next to nothing */
};

struct server {
	struct schedule *s;
	size_t clients;
};

/* -- queued ------------------------------------------------------------------------ */

static void
cmd_queued(struct schedule *s, const struct record *r, struct buf *answer)
{
	struct span lines = record_get(r, "lines");
	struct spool_ref ref;
	uint64_t sub, hold, priority;
	int64_t due;
	uint32_t i;

	(void)answer;
	if (!record_get_num(r, "id", UINT64_MAX, &ref.id) ||
	    !record_get_num(r, "sub", spool_sub_count(s->spool), &sub) ||
	    !record_get_num(r, "hold", INT64_MAX, &hold) || !record_get_num(r, "priority", 10, &priority))
		return;
	ref.sub = (uint32_t)sub;
	due = schedule_now() + s->delay;
	if ((int64_t)hold > due)
		due = (int64_t)hold;
	i = schedule_add(s, ref, due);
	if (i == QUEUE_NONE)
		return;
	queue_set_priority(s->queue, i, (uint32_t)priority);
	schedule_set_sender(s, i, record_get(r, "from"), false);
	if (due > schedule_now())
		queue_at(s->queue, i)->flags |= QUEUE_DELAY;
	if (lines.n > 0)
		round_start(s, i, lines);
}

/* -- list, show, status --------------------------------------------------------------- */

static const char *
status_word(const struct queue_entry *e)
{
	if (e->flags & QUEUE_HELD)
		return CONTROL_STATUS_HELD;
	if (e->flags & QUEUE_THROTTLED)
		return CONTROL_STATUS_THROTTLED;
	if (e->state == QUEUE_ACTIVE)
		return CONTROL_STATUS_DELIVERING;
	if (e->flags & QUEUE_FORCED)
		return CONTROL_STATUS_FORCED;
	if (e->flags & QUEUE_DELAY)
		return CONTROL_STATUS_DELAY;
	if (e->state == QUEUE_WAITING && e->due > schedule_now())
		return CONTROL_STATUS_RETRY;
	return CONTROL_STATUS_WAITING;
}

static void
put_message(struct buf *answer, const struct queue_entry *e)
{
	bool at_once = e->state != QUEUE_WAITING || e->due <= schedule_now() || e->due == UINT32_MAX;
	char text[96];

	snprintf(text, sizeof(text), "%llu %u %s %u %u %u", (unsigned long long)e->id, e->sub, status_word(e),
	    e->attempts, at_once ? 0 : e->due, e->priority);
	record_add_text(answer, "m", text);
}

/* Keep the smallest ids of a page: insertion into a sorted array. */
static void
keep_smallest(uint64_t *ids, size_t *n, size_t max, uint64_t id)
{
	size_t at;

	if (*n == max && id >= ids[max - 1])
		return;
	if (*n < max)
		(*n)++;
	for (at = *n - 1; at > 0 && ids[at - 1] > id; at--)
		ids[at] = ids[at - 1];
	ids[at] = id;
}

static void
cmd_list(struct schedule *s, const struct record *r, struct buf *answer)
{
	uint64_t ids[CONTROL_LIST_MAX], after = 0, max = CONTROL_LIST_MAX;
	size_t n = 0, beyond = 0;

	if (record_get(r, "after").p != NULL && !record_get_num(r, "after", UINT64_MAX, &after))
		return;
	if (record_get(r, "max").p != NULL && (!record_get_num(r, "max", CONTROL_LIST_MAX, &max) || max == 0))
		return;
	for (uint32_t i = 0; i < queue_size(s->queue); i++) {
		const struct queue_entry *e = queue_at(s->queue, i);

		if (e->state == QUEUE_FREE || e->id <= after)
			continue;
		beyond++;
		keep_smallest(ids, &n, max, e->id);
	}
	record_begin(answer, "ok");
	record_add_num(answer, "total", queue_count(s->queue));
	record_add_num(answer, "more", beyond > n);
	for (size_t i = 0; i < n; i++)
		put_message(answer, queue_at(s->queue, queue_find(s->queue, ids[i])));
}

static void
cmd_show(struct schedule *s, const struct record *r, struct buf *answer)
{
	uint64_t id;
	uint32_t i;

	if (!record_get_num(r, "id", UINT64_MAX, &id))
		return;
	i = queue_find(s->queue, id);
	record_begin(answer, "ok");
	if (i == QUEUE_NONE)
		record_add_num(answer, "missing", id);
	else
		put_message(answer, queue_at(s->queue, i));
}

static void
cmd_status(struct schedule *s, const struct record *r, struct buf *answer)
{
	(void)r;
	record_begin(answer, "ok");
	record_add_num(answer, "total", queue_count(s->queue));
	record_add_num(answer, "active", s->active);
	record_add_num(answer, "jobs", deliverer_jobs(s->local) + deliverer_jobs(s->remote));
	record_add_num(answer, "scanning", s->scan != NULL);
}

/* What is known of a destination that something waits for, or goes to. */
static void
cmd_dest(struct schedule *s, const struct record *r, struct buf *answer)
{
	struct span domain = record_get(r, "domain");
	int64_t rests;
	uint32_t i;

	if (domain.n == 0 || domain.n > LIMIT_DOMAIN)
		return;
	record_begin(answer, "ok");
	i = destination_find(s->dests, domain);
	if (i == QUEUE_NONE)
		return;
	rests = destination_rests_until(s->dests, i);
	record_add_num(answer, "jobs", destination_jobs(s->dests, i));
	record_add_num(answer, "window", destination_window(s->dests, i));
	if (rests > schedule_now())
		record_add_num(answer, "rests", (uint64_t)rests);
}

static void
cmd_length(struct schedule *s, const struct record *r, struct buf *answer)
{
	(void)r;
	record_begin(answer, "ok");
	record_add_num(answer, "total", queue_count(s->queue));
}

/* -- force, reset-retries, delete -------------------------------------------------------- */

/* One that is being worked on sees the flag when its round ends or loads again. */
static void
flag(struct schedule *s, uint32_t i, uint16_t flags)
{
	struct queue_entry *e = queue_at(s->queue, i);

	e->flags |= flags;
	if (e->state != QUEUE_WAITING && e->state != QUEUE_READY)
		return;
	/* What is to be done to its files needs no place for a delivery. */
	if (flags & (QUEUE_DELETE | QUEUE_RESET))
		schedule_set_dest(s, i, DEST_ANY);
	queue_wait(s->queue, i, 0);
}

static void
apply(struct schedule *s, const struct record *r, struct buf *answer, uint16_t flags)
{
	uint64_t count = 0;

	record_begin(answer, "ok");
	if (span_is(record_get(r, "all"), "1")) {
		for (uint32_t i = 0; i < queue_size(s->queue); i++)
			if (queue_at(s->queue, i)->state != QUEUE_FREE) {
				flag(s, i, flags);
				count++;
			}
	}
	for (size_t k = 0; k < r->count; k++) {
		uint64_t id;
		uint32_t i = QUEUE_NONE;

		if (!span_is(r->fields[k].key, "id"))
			continue;
		if (num_parse(r->fields[k].value, UINT64_MAX, &id))
			i = queue_find(s->queue, id);
		if (i == QUEUE_NONE) {
			record_add(answer, "missing", r->fields[k].value);
			continue;
		}
		flag(s, i, flags);
		count++;
	}
	record_add_num(answer, "count", count);
	schedule_kick(s);
}

static void
cmd_force(struct schedule *s, const struct record *r, struct buf *answer)
{
	apply(s, r, answer, QUEUE_FORCED);
}

static void
cmd_reset(struct schedule *s, const struct record *r, struct buf *answer)
{
	apply(s, r, answer, QUEUE_RESET | QUEUE_FORCED);
}

static void
cmd_delete(struct schedule *s, const struct record *r, struct buf *answer)
{
	apply(s, r, answer, QUEUE_DELETE);
}

/* -- turn --------------------------------------------------------------------------------- */

/* What waits to be tried again for that domain, perhaps among others. */
static bool
is_waiting_for(const struct queue_entry *e, uint32_t dest, int64_t now)
{
	return e->state == QUEUE_WAITING && e->due > now && !(e->flags & QUEUE_DELAY) &&
	    (e->dest == dest || e->dest == DEST_ANY);
}

static void
cmd_turn(struct schedule *s, const struct record *r, struct buf *answer)
{
	struct span domain = record_get(r, "domain");
	int64_t now = schedule_now();
	uint32_t dest = destination_find(s->dests, domain);
	int64_t *turned = &s->turned[destination_hash(s->dests, domain) % TURNS];
	uint64_t count = 0;

	if (domain.n == 0 || domain.n > LIMIT_DOMAIN)
		return;
	if (*turned > now - CONTROL_TURN_S && *turned <= now) {
		record_begin(answer, "busy");
		return;
	}
	*turned = now;
	for (uint32_t i = 0; i < queue_size(s->queue); i++)
		if (is_waiting_for(queue_at(s->queue, i), dest, now)) {
			flag(s, i, QUEUE_TURN);
			count++;
		}
	record_begin(answer, "ok");
	record_add_num(answer, "count", count);
	schedule_kick(s);
}

/* -- connections ----------------------------------------------------------------------------- */

static const struct {
	const char *verb;
	void (*call)(struct schedule *s, const struct record *r, struct buf *answer);
	bool answers;
	bool for_listeners;		/* smtp-listen may ask it too */
} commands[] = {
	{ "queued", cmd_queued, false, false },
	{ "list", cmd_list, true, false },
	{ "show", cmd_show, true, false },
	{ "status", cmd_status, true, false },
	{ "dest", cmd_dest, true, false },
	{ "force", cmd_force, true, false },
	{ "reset-retries", cmd_reset, true, false },
	{ "delete", cmd_delete, true, false },
	{ "hold", change_hold, true, false },
	{ "release", change_release, true, false },
	{ "priority", change_priority, true, false },
	{ "redirect", change_redirect, true, false },
	{ "quarantine-release", quarantine_release, true, false },
	{ "quarantine-delete", quarantine_delete, true, false },
	{ "turn", cmd_turn, true, true },
	{ "length", cmd_length, true, true },
};

static void
drop(struct client *c, int fd)
{
	loop_fd_drop(&c->watch);
	close(fd);
	(*c->count)--;
	free(c);
}

/* False when the caller is to be dropped. */
static bool
answer_record(struct client *c, int fd, struct span text)
{
	static struct buf answer;
	struct record r;
	bool answers = true;

	if (answer.max == 0)
		buf_init(&answer, LIMIT_RECORD);
	if (!record_parse(text, FIELDS_MAX, &r))
		return false;
	/* What stands here stays when the command finds its record wanting. */
	record_begin(&answer, "error");
	record_add_text(&answer, "text", "the request is not understood");
	record_add_num(&answer, "exit", 2);
	for (size_t i = 0; i < PB_COUNT(commands); i++)
		if (span_is(r.verb, commands[i].verb) && (!c->is_listener || commands[i].for_listeners)) {
			answers = commands[i].answers;
			commands[i].call(c->s, &r, &answer);
			break;
		}
	record_free(&r);
	return !answers || send(fd, answer.p, answer.n, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

static void
on_request(void *ctx, int fd, unsigned events)
{
	static char packet[LIMIT_RECORD];
	struct client *c = ctx;

	(void)events;
	for (int n = 0; n < 64; n++) {
		ssize_t got = recv(fd, packet, sizeof(packet), MSG_TRUNC | MSG_DONTWAIT);

		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (got <= 0 || got > (ssize_t)sizeof(packet) ||
		    !answer_record(c, fd, span_make(packet, (size_t)got))) {
			drop(c, fd);
			return;
		}
	}
}

static void
on_accept_failed(void *ctx, int error)
{
	struct server *v = ctx;

	log_failure(v->s->svc, NULL, NULL, "event=accept-failed error=%s", strerrorname_np(error));
}

static void
on_connection(void *ctx, int fd)
{
	struct server *v = ctx;
	uid_t callers[2] = { service_uid(v->s->svc, "pbmail"), v->s->svc->instance.owner };
	uid_t listeners[1] = { service_uid(v->s->svc, "pbsmtp") };
	struct client *c;
	bool trusted;

	trusted = peer_is_allowed(fd, callers, PB_COUNT(callers));
	if (v->clients == CLIENTS_MAX || (!trusted && !peer_is_allowed(fd, listeners, PB_COUNT(listeners)))) {
		log_failure(v->s->svc, NULL, NULL, "event=caller-refused clients=%zu", v->clients);
		close(fd);
		return;
	}
	c = mem_new(sizeof(*c));
	*c = (struct client){ .s = v->s, .count = &v->clients, .is_listener = !trusted };
	v->clients++;
	c->watch = loop_fd(v->s->loop, fd, LOOP_READ, on_request, c);
	if (c->watch == NULL)
		drop(c, fd);
}

void
schedule_serve(struct schedule *s, int listener)
{
	struct server *v = mem_new(sizeof(*v));

	v->s = s;
	if (door_open(s->loop, listener, SOCK_NONBLOCK, on_connection, on_accept_failed, v) == NULL)
		die(EXIT_TRY_LATER, "cannot watch the socket: %s", strerror(errno));
}
