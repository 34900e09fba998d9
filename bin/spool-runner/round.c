/*
 * round: one attempt to deliver one message of the queue.
 *
 *	load      read ID.hdr; append first what is to be appended
 *	bounce    tell the sender of groups that an earlier life left: failures,
 *	          and deliveries and delays that he wanted to hear of
 *	expand    ask auth-check for targets, and for disabled domains (hold.h);
 *	          more than one target for a recipient is made durable before the
 *	          first delivery
 *	dispatch  jobs to local-deliver and remote-send, as far as there are places
 *	outcomes  append done:, retry:, fail: and bounce: lines, durably; not at
 *	          all when the message is finished by this
 *	end       wait, be parked, or finish
 *
 * Invariants:
 *  1. A done: line is written only after the deliverer said "durable".
 *  2. A message is finished only when every recipient is DONE, or FAILED with
 *     its bounce in the queue (or none due).
 *  3. A deliverer that was lost, or a silent directory, costs no attempt until
 *     it has happened LOST_MAX times in a row.
 *
 * Crash: before the append the attempt is repeated; deliveries are found by
 * name (local-deliver) or made twice (another host), which is the stated window.
 */
#include "base/base.h"
#include "round.h"

#include <errno.h>
#include <unistd.h>

#include "base/die.h"
#include "base/limits.h"
#include "base/mem.h"
#include "hold.h"
#include "notice.h"
#include "rank.h"
#include "round_bounce.h"
#include "round_jobs.h"
#include "round_lines.h"
#include "round_log.h"
#include "round_outcome.h"
#include "throttle.h"
#include "spool/envelope_line.h"
#include "spool/spool_id.h"
#include "spool/spool_read.h"

#define LINES_MAX (16u << 20)
#define LOST_WAIT_S 5
#define LOST_MAX 6
#define HEADER_PEEK 65536

static void load(struct round *r);
static void dispatch(struct round *r);
static void end_round(struct round *r);

static void
free_round(struct round *r)
{
	envelope_free(&r->env);
	buf_free(&r->lines);
	free(r);
}

/* The entry is in no hand any more; what follows is in the queue's. */
static void
leave(struct round *r)
{
	struct schedule *s = r->s;

	s->active--;
	round_release_place(r);
	if (r->blocked)
		schedule_dest_put(s, r->blocked_dest);
	free_round(r);
	schedule_kick(s);
}

void
round_put_off(struct round *r)
{
	queue_wait(r->s->queue, r->entry, schedule_now() + LOST_WAIT_S);
	leave(r);
}

/* -- end ------------------------------------------------------------------- */

static bool
any_open(const struct envelope *e)
{
	for (uint32_t i = 0; i < e->count; i++)
		if (e->rcpts[i].state == RCPT_OPEN)
			return true;
	return false;
}

/* All jobs have been answered. */
static void
outcomes(struct round *r)
{
	struct queue_entry *q = queue_at(r->s->queue, r->entry);
	uint32_t group = r->env->groups + 1;
	bool any = false;

	if (r->lost && q->lost < LOST_MAX)
		q->lost++;
	else
		q->lost = 0;
	for (uint32_t i = 0; i < r->env->count; i++) {
		const struct outcome *o = &r->out[i];

		if (o->text.p == NULL || (o->lost && q->lost > 0))
			continue;
		round_outcome_settle(r, &r->env->rcpts[i], o, group);
		any = true;
	}
	/* Where one recipient goes can be asked again: that costs less than to make it durable. */
	if (!any && r->blocked)
		buf_cut(&r->lines, r->lines_due);
	round_outcome_delays(r, group);
	r->after_bounces = end_round;
	if (round_bounce_name(r, group)) {
		round_append_then(r, round_bounce);
	} else if (any_open(r->env)) {
		round_append_then(r, end_round);
	} else {
		end_round(r);
	}
}

void
round_jobs_done(struct round *r)
{
	outcomes(r);
}

/* Into the entry, for those who ask what the queue does. */
static void
show_attempts(struct round *r)
{
	struct queue_entry *q = queue_at(r->s->queue, r->entry);
	uint32_t attempts = rank_attempts(r->env);

	q->attempts = attempts < UINT16_MAX ? (uint16_t)attempts : UINT16_MAX;
	if (r->has_rules && !(q->flags & QUEUE_BY_HAND))
		queue_set_priority(r->s->queue, r->entry, rank_of(r->env, &r->rules, attempts));
}

static int64_t
earliest(const struct round *r)
{
	int64_t due = INT64_MAX;

	for (uint32_t i = 0; i < r->env->count; i++) {
		const struct envelope_rcpt *p = &r->env->rcpts[i];
		int64_t told = notice_delay_at(&r->s->notices, r->env, p);

		if (p->state != RCPT_OPEN || r->out[i].held)
			continue;
		if (p->retry_at < due)
			due = p->retry_at;
		if (told < due)
			due = told;
	}
	return hold_due(r, due);
}

static void
end_with_entry(struct round *r)
{
	struct schedule *s = r->s;
	struct queue_entry *q = queue_at(s->queue, r->entry);
	int64_t now = schedule_now(), due = earliest(r);

	/* Who is to go at once and found no place is so until there is one. */
	if (!r->blocked)
		q->flags &= (uint16_t)~(QUEUE_FORCED | QUEUE_TURN);
	show_attempts(r);
	queue_set_sender(s->queue, r->entry, q->sender, q->attempts > 0);
	if (q->flags & QUEUE_DELETE || envelope_is_finished(r->env)) {
		schedule_finish(s, r->entry);
	} else if (r->blocked) {
		schedule_set_dest(s, r->entry, r->blocked_dest);
		queue_again(s->queue, r->entry, r->blocked_dest);
	} else {
		if (q->lost > 0 && due < now + LOST_WAIT_S)
			due = now + LOST_WAIT_S;
		round_set_destination(s, r->entry, r->env);
		queue_wait(s->queue, r->entry, due);
	}
}

/* What was not appended yet (bounced: of an unfinished message) is, then the round is over. */
static void
end_round(struct round *r)
{
	if (r->lines.n > 0 && !envelope_is_finished(r->env) && r->after_lines != end_round) {
		round_append_then(r, end_round);
		return;
	}
	end_with_entry(r);
	leave(r);
}

/* -- expand ------------------------------------------------------------------- */

static void
set_outcome(struct round *r, uint32_t number, const struct verdict *v, bool lost)
{
	char text[VERDICT_TEXT_MAX + 32];

	verdict_print(v, text, sizeof(text));
	round_set_outcome(r, number, span_of(text), false);
	r->out[number - 1].lost = lost;
	r->lost = r->lost || lost;
}

/* One target: the recipient becomes it, the line waits for the next append. */
static void
take_one(struct round *r, struct envelope_rcpt *p, enum envelope_target target, struct span address)
{
	struct envelope_to to = { target, address };
	char *copy = arena_copy(r->env->arena, address);

	if (copy == NULL) {
		set_outcome(r, p->number, &(struct verdict){ VERDICT_TEMP, 451, "4.3.0", "too many targets" }, false);
		return;
	}
	r->next_free = envelope_line_to(&r->lines, r->env->line_seed, p->number, r->next_free, &to, 1);
	p->target = target;
	p->address = span_make(copy, address.n);
}

static void
take_many(struct round *r, struct envelope_rcpt *p, const struct directory_targets *t)
{
	struct envelope_to *to = mem_array(t->count, sizeof(*to));

	for (size_t i = 0; i < t->count; i++)
		to[i] = (struct envelope_to){ t->at[i].is_mailbox ? TARGET_MAILBOX : TARGET_REMOTE,
			span_of(t->at[i].address) };
	r->next_free = envelope_line_to(&r->lines, r->env->line_seed, p->number, r->next_free, to, t->count);
	r->reload = true;
	free(to);
}

static void
expanded(struct round *r)
{
	if (r->s->stopping) {
		round_put_off(r);
		return;
	}
	/* Several targets for one recipient: their numbers must be known before the first delivery. */
	if (r->reload)
		round_append_then(r, load);
	else if (hold_settle(r))
		outcomes(r);
	else
		throttle_then(r, dispatch);
}

static void
answered(struct round *r)
{
	if (--r->questions == 0)
		expanded(r);
}

static void
on_expanded(void *ctx, uint32_t number, enum rcpt_kind kind, const struct directory_targets *t)
{
	struct round *r = ctx;
	struct envelope_rcpt *p = &r->env->rcpts[number - 1];

	if (kind == RCPT_FOREIGN)
		take_one(r, p, TARGET_REMOTE, p->address);
	else if (t->is_held || (t->count == 1 && t->at[0].is_held))
		hold_rcpt(r, number);
	else if (kind == RCPT_REFUSED || kind == RCPT_TROUBLE)
		set_outcome(r, number, &t->verdict, kind == RCPT_TROUBLE);
	else if (t->count == 1)
		take_one(r, p, t->at[0].is_mailbox ? TARGET_MAILBOX : TARGET_REMOTE, span_of(t->at[0].address));
	else
		take_many(r, p, t);
	answered(r);
}

static void
expand(struct round *r)
{
	r->next_free = r->env->count + 1;
	r->lines_due = r->lines.n;
	r->questions = 1;	/* our own, so that the last answer comes after the last question */
	if (hold_blocked(r)) {
		answered(r);
		return;
	}
	hold_ask(r, answered);
	for (uint32_t i = 0; i < r->env->count; i++) {
		const struct envelope_rcpt *p = &r->env->rcpts[i];

		if (p->target != TARGET_UNKNOWN || !round_is_due(r, p))
			continue;
		r->questions++;
		expander_ask(r->s->expander, p->address, p->number, on_expanded, r);
	}
	answered(r);
}

/* -- dispatch ------------------------------------------------------------------ */

/* Received fields in the first HEADER_PEEK bytes of the message. */
static uint32_t
count_hops(struct round *r)
{
	static char text[HEADER_PEEK];
	struct span rest;
	uint32_t hops = 0;
	int fd = spool_read_body(r->s->spool, r->ref);
	ssize_t n;

	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text));
	close(fd);
	rest = span_make(text, n > 0 ? (size_t)n : 0);
	while (rest.p != NULL) {
		struct span line = span_trim(span_cut(&rest, '\n'));

		if (line.n == 0)
			break;
		hops += span_starts_nocase(line, SPAN("Received:"));
	}
	return hops;
}

static void
refuse_open(struct round *r, const struct verdict *v)
{
	for (uint32_t i = 0; i < r->env->count; i++)
		if (r->env->rcpts[i].state == RCPT_OPEN && !r->out[i].held)
			set_outcome(r, i + 1, v, false);
}

static void
dispatch(struct round *r)
{
	struct verdict loop = verdict_make(554, "5.4.6", "too many hops: the message went in a circle");
	struct verdict late = verdict_make(550, "5.4.7", "the time by which the sender wanted it delivered is over");

	if (r->first && count_hops(r) > r->s->max_hops)
		refuse_open(r, &loop);
	else if (r->env->by != 0 && r->env->by_mode == 'R' && r->now >= r->env->by)
		refuse_open(r, &late);
	round_jobs_start(r);
}

/* -- load ------------------------------------------------------------------------ */

/* Attempts begin again: as a line, so that it outlives us. */
static void
reset_attempts(struct round *r)
{
	struct verdict v = verdict_make(451, "4.3.0", "the attempts were set back");

	for (uint32_t i = 0; i < r->env->count; i++)
		if (r->env->rcpts[i].state == RCPT_OPEN)
			envelope_line_retry(&r->lines, r->env->line_seed, r->env->rcpts[i].number, 0, r->now, &v);
}

static void
look_at(struct round *r)
{
	r->first = true;
	for (uint32_t i = 0; i < r->env->count; i++)
		if (r->env->rcpts[i].state != RCPT_OPEN || r->env->rcpts[i].attempts > 0)
			r->first = false;
	show_attempts(r);
	r->good_size = r->env->good_size;
}

static void
load(struct round *r)
{
	struct queue_entry *q = queue_at(r->s->queue, r->entry);

	envelope_free(&r->env);
	r->reload = r->some_held = false;
	r->throttled_until = 0;
	r->hold = HOLD_NONE;
	r->after_bounces = expand;
	if (spool_read_envelope(r->s->spool, r->ref, &r->env) < 0) {
		/* Gone, or damaged: then the next scan moves it to corrupt/ and says so. */
		if (errno != ENOENT)
			round_log_trouble(r, "read", errno);
		hold_mark(r->s, r->entry, false);
		schedule_remove(r->s, r->entry);
		leave(r);
		return;
	}
	look_at(r);
	r->out = arena_get(r->env->arena, (size_t)r->env->count * sizeof(*r->out));
	if (r->out == NULL) {
		round_log_trouble(r, "read", ENOMEM);
		round_put_off(r);
	} else if (q->flags & QUEUE_DELETE) {
		end_round(r);
	} else if (q->flags & QUEUE_RESET) {
		q->flags &= (uint16_t)~QUEUE_RESET;
		reset_attempts(r);
		round_append_then(r, load);
	} else {
		round_bounce_orphans(r);
		round_append_then(r, round_bounce);
	}
}

/* A notice came with lines: they go behind the last good byte of the envelope. */
static void
load_with_lines(struct round *r)
{
	if (spool_read_envelope(r->s->spool, r->ref, &r->env) < 0) {
		load(r);
		return;
	}
	r->good_size = r->env->good_size;
	round_append_then(r, load);
}

void
round_start(struct schedule *s, uint32_t entry, struct span lines)
{
	struct round *r = mem_new(sizeof(*r));
	struct queue_entry *q = queue_at(s->queue, entry);

	r->s = s;
	r->entry = entry;
	r->ref = (struct spool_ref){ .id = q->id, .sub = q->sub };
	r->forced = (q->flags & QUEUE_FORCED) != 0;
	r->turn = (q->flags & QUEUE_TURN) != 0;
	r->now = schedule_now();
	buf_init(&r->lines, LINES_MAX);
	queue_activate(s->queue, entry);
	s->active++;
	r->reserved_dest = q->dest;
	r->has_reserved = q->dest >= DEST_FIRST;
	if (r->has_reserved)
		schedule_job_begins(s, q->dest);
	if (lines.n > 0) {
		buf_span(&r->lines, lines);
		load_with_lines(r);
	} else {
		load(r);
	}
}
