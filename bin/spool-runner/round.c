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
#include "base/num.h"
#include "hold.h"
#include "notice.h"
#include "round_jobs.h"
#include "round_log.h"
#include "spool/envelope_line.h"
#include "spool/spool_id.h"
#include "spool/spool_read.h"

#define LINES_MAX (16u << 20)
#define CHUNK 49152		/* of lines in one request to a helper: fits LIMIT_RECORD with escapes */
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
	free_round(r);
	schedule_kick(s);
}

/* Another attempt soon, without counting this one. */
static void
put_off(struct round *r)
{
	queue_wait(r->s->queue, r->entry, schedule_now() + LOST_WAIT_S);
	leave(r);
}

/* -- lines to the envelope --------------------------------------------------- */

static void send_lines(struct round *r);

static void
on_appended(void *ctx, const struct record *answer)
{
	struct round *r = ctx;
	uint64_t error;

	if (record_get_num(answer, "error", INT32_MAX, &error)) {
		round_log_trouble(r, "append", (int)error);
		put_off(r);
		return;
	}
	if (!record_get_num(answer, "good", UINT64_MAX, &r->good_size))
		bug("append was answered without good");
	buf_shift(&r->lines, r->sending);
	if (r->lines.n > 0)
		send_lines(r);
	else
		r->after_lines(r);
}

/* As many whole lines as fit into one request. */
static void
send_lines(struct round *r)
{
	struct span all = buf_view(&r->lines), part = span_first(all, CHUNK);
	static struct buf b;

	if (b.max == 0)
		buf_init(&b, LIMIT_RECORD);
	r->sending = (size_t)(span_rfind(part, '\n') + 1);
	if (r->sending == 0)
		bug("a line of an envelope is too long");
	record_begin(&b, "append");
	r->helper_job = deliverer_begin(r->s->helpers, on_appended, r);
	record_add_num(&b, "job", r->helper_job);
	record_add_num(&b, "id", r->ref.id);
	record_add_num(&b, "sub", r->ref.sub);
	record_add_num(&b, "good", r->good_size);
	record_add(&b, "lines", span_first(all, r->sending));
	deliverer_send(r->s->helpers, r->helper_job, &b, -1);
}

/* Make r->lines durable, then go on with `next`. */
static void
append_then(struct round *r, void (*next)(struct round *r))
{
	if (r->lines.overflow) {
		round_log_trouble(r, "append", EFBIG);
		put_off(r);
		return;
	}
	r->after_lines = next;
	if (r->lines.n == 0)
		next(r);
	else
		send_lines(r);
}

/* -- bounces ------------------------------------------------------------------ */

/* Group of recipients of whom nobody was told yet, 0 when there is none. */
static uint32_t
open_group(const struct envelope *e)
{
	for (uint32_t i = 0; i < e->count; i++)
		if (!e->rcpts[i].bounced && e->rcpts[i].bounce > 0)
			return e->rcpts[i].bounce;
	return 0;
}

static bool
group_has_failed(const struct envelope *e, uint32_t group)
{
	for (uint32_t i = 0; i < e->count; i++)
		if (e->rcpts[i].bounce == group && e->rcpts[i].state == RCPT_FAILED)
			return true;
	return false;
}

static void
group_is_told(struct round *r, uint32_t group, uint64_t id)
{
	envelope_line_bounced(&r->lines, r->env->line_seed, group, id);
	for (uint32_t i = 0; i < r->env->count; i++)
		if (r->env->rcpts[i].bounce == group)
			r->env->rcpts[i].bounced = true;
}

static void bounce_groups(struct round *r);

static void
on_bounced(void *ctx, const struct record *answer)
{
	struct round *r = ctx;
	uint64_t error, id, sub;

	if (record_get_num(answer, "error", INT32_MAX, &error)) {
		round_log_trouble(r, "bounce", (int)error);
		put_off(r);
		return;
	}
	if (!record_get_num(answer, "bounce", UINT64_MAX, &id) || !record_get_num(answer, "sub", UINT32_MAX, &sub))
		bug("bounce was answered without its id");
	round_log_bounce(r, id);
	group_is_told(r, r->group, id);
	schedule_add(r->s, (struct spool_ref){ .id = id, .sub = (uint32_t)sub }, 0);
	bounce_groups(r);
}

/*
 * Who is told: the sender; when there is none postmaster of failures (RFC 5321
 * 6.1), and nobody of the rest.  Postmaster stands without a domain: auth-check
 * finds who that is, also when the setting names nobody (any more).
 */
static const char *
bounce_address(struct round *r)
{
	static char sender[LIMIT_ADDRESS + 1];

	if (spool_id_bounce(r->ref.id, r->group) == 0)
		return NULL;
	if (r->env->sender.n == 0 && !group_has_failed(r->env, r->group))
		return NULL;
	if (r->env->sender.n == 0)
		return "postmaster";
	snprintf(sender, sizeof(sender), "%.*s", SPAN_ARG(r->env->sender));
	return sender;
}

/* Tell of one group after the other, then go on. */
static void
bounce_groups(struct round *r)
{
	static struct buf b;
	const char *to;

	if (b.max == 0)
		buf_init(&b, LIMIT_RECORD);
	while ((r->group = open_group(r->env)) != 0) {
		to = bounce_address(r);
		if (to != NULL)
			break;
		round_log_bounce(r, 0);
		group_is_told(r, r->group, 0);
	}
	if (r->group == 0) {
		r->after_bounces(r);
		return;
	}
	record_begin(&b, "bounce");
	r->helper_job = deliverer_begin(r->s->helpers, on_bounced, r);
	record_add_num(&b, "job", r->helper_job);
	record_add_num(&b, "id", r->ref.id);
	record_add_num(&b, "sub", r->ref.sub);
	record_add_num(&b, "group", r->group);
	record_add_text(&b, "to", to);
	record_add_text(&b, "host", r->s->host);
	deliverer_send(r->s->helpers, r->helper_job, &b, -1);
}

/* -- outcomes ------------------------------------------------------------------ */

/* The groups of one round, counted from the first that is free. */
enum group { GROUP_FAILED, GROUP_UNTOLD, GROUP_DONE, GROUP_DELAYED, GROUPS };

static bool
group_is_told_of(enum group g)
{
	return g != GROUP_UNTOLD;
}

static void
failed(struct round *r, struct envelope_rcpt *p, const struct verdict *v, uint32_t group)
{
	envelope_line_fail(&r->lines, r->env->line_seed, p->number, v);
	p->state = RCPT_FAILED;
	p->bounce = group + (notice_of_failure(p) ? GROUP_FAILED : GROUP_UNTOLD);
	p->bounced = false;
	round_log_outcome(r, p, "failed", v, 0);
}

static void
deferred(struct round *r, struct envelope_rcpt *p, const struct outcome *o, struct verdict *v, uint32_t group)
{
	uint32_t dns = o->dns ? retry_dns_count(p->outcome) + 1 : 0;
	struct verdict counted = *v;
	int64_t next;

	if (o->dns)
		counted = verdict_make(v->code, v->status, RETRY_DNS_FORMAT, dns, v->text);
	/* Tried early because its host asked for it: as if nothing had been. */
	if (r->turn && !r->forced && p->retry_at > r->now)
		return;
	p->attempts++;
	if (retry_decide(&r->s->rules, p->attempts, dns, schedule_now(), &next) == RETRY_GIVE_UP) {
		struct verdict final = o->dns ? retry_permanent(v) : *v;

		failed(r, p, &final, group);
		return;
	}
	next = notice_next(r->env, schedule_now(), next);
	envelope_line_retry(&r->lines, r->env->line_seed, p->number, p->attempts, next, &counted);
	p->retry_at = next;
	round_log_outcome(r, p, "deferred", v, next);
}

static void
delivered(struct round *r, struct envelope_rcpt *p, const struct outcome *o, const struct verdict *v, uint32_t group)
{
	envelope_line_done(&r->lines, r->env->line_seed, p->number, v);
	p->state = RCPT_DONE;
	/* An earlier notice was of the delay, and is told. */
	if (notice_of_success(r->env, p, o->dsn_passed, o->by_passed)) {
		p->bounce = group + GROUP_DONE;
		p->bounced = false;
	}
	round_log_outcome(r, p, "delivered", v, 0);
}

/* Of those that wait whoever is to be told of that now, also when nothing was tried in this round. */
static void
tell_delays(struct round *r, uint32_t group)
{
	for (uint32_t i = 0; i < r->env->count; i++) {
		struct envelope_rcpt *p = &r->env->rcpts[i];

		if (r->out[i].held || notice_delay_at(&r->s->notices, r->env, p) > schedule_now())
			continue;
		p->bounce = group + GROUP_DELAYED;
		p->bounced = false;
	}
}

/* One recipient's outcome into lines and its state. */
static void
settle(struct round *r, struct envelope_rcpt *p, const struct outcome *o, uint32_t group)
{
	struct verdict v;

	if (!verdict_parse(o->text, &v))
		v = verdict_make(451, "4.3.0", "the deliverer gave no reason");
	switch (v.kind) {
	case VERDICT_OK:
		delivered(r, p, o, &v, group);
		break;
	case VERDICT_TEMP:
		deferred(r, p, o, &v, group);
		break;
	case VERDICT_PERM:
		failed(r, p, &v, group);
		break;
	}
}

/*
 * bounce: line for those of a group of this round, under the next number that
 * is free; a group that nobody wants to hear of is settled.
 */
static void
name_group(struct round *r, uint32_t provisional, bool told)
{
	uint32_t *numbers = mem_array(r->env->count, sizeof(*numbers));
	uint32_t group = r->env->groups + 1;
	size_t n = 0;

	for (uint32_t i = 0; i < r->env->count; i++)
		if (r->env->rcpts[i].bounce == provisional) {
			r->env->rcpts[i].bounce = group;
			numbers[n++] = r->env->rcpts[i].number;
		}
	if (n > 0) {
		r->env->groups = group;
		envelope_line_bounce(&r->lines, r->env->line_seed, group, numbers, n);
		if (told)
			group_is_told(r, group, 0);
	}
	free(numbers);
}

static bool
any_named_now(const struct envelope *e, uint32_t group)
{
	for (uint32_t i = 0; i < e->count; i++)
		if (e->rcpts[i].bounce >= group)
			return true;
	return false;
}

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

	if (r->lost && q->lost < LOST_MAX)
		q->lost++;
	else
		q->lost = 0;
	for (uint32_t i = 0; i < r->env->count; i++) {
		const struct outcome *o = &r->out[i];

		if (o->text.p != NULL && !(o->lost && q->lost > 0))
			settle(r, &r->env->rcpts[i], o, group);
	}
	tell_delays(r, group);
	r->after_bounces = end_round;
	if (any_named_now(r->env, group)) {
		for (enum group g = 0; g < GROUPS; g++)
			name_group(r, group + g, !group_is_told_of(g));
		append_then(r, bounce_groups);
	} else if (any_open(r->env)) {
		append_then(r, end_round);
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
	uint32_t attempts = 0;

	for (uint32_t i = 0; i < r->env->count; i++)
		if (r->env->rcpts[i].state == RCPT_OPEN && r->env->rcpts[i].attempts > attempts)
			attempts = r->env->rcpts[i].attempts;
	queue_at(r->s->queue, r->entry)->attempts = attempts < UINT16_MAX ? (uint16_t)attempts : UINT16_MAX;
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
		q->flags &= (uint8_t)~(QUEUE_FORCED | QUEUE_TURN);
	else if (q->flags & (QUEUE_FORCED | QUEUE_TURN))
		due = 0;
	show_attempts(r);
	if (q->flags & QUEUE_DELETE || envelope_is_finished(r->env)) {
		schedule_finish(s, r->entry);
	} else if (r->blocked && !schedule_has_place(s, r->blocked_dest, &r->blocked_dest)) {
		queue_park(s->queue, r->entry, r->blocked_dest);
	} else {
		if (q->lost > 0 && due < now + LOST_WAIT_S)
			due = now + LOST_WAIT_S;
		q->dest = round_destination(r->env);
		queue_wait(s->queue, r->entry, due);
	}
}

/* What was not appended yet (bounced: of an unfinished message) is, then the round is over. */
static void
end_round(struct round *r)
{
	uint16_t dest = queue_at(r->s->queue, r->entry)->dest;

	if (r->lines.n > 0 && !envelope_is_finished(r->env) && r->after_lines != end_round) {
		append_then(r, end_round);
		return;
	}
	end_with_entry(r);
	schedule_wake(r->s, dest);
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
		put_off(r);
		return;
	}
	/* Several targets for one recipient: their numbers must be known before the first delivery. */
	if (r->reload)
		append_then(r, load);
	else if (hold_settle(r))
		outcomes(r);
	else
		dispatch(r);
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

/*
 * Of failures whose bounce: line a crash has cut off somebody must still be
 * told; so they get a group now.
 */
static void
name_orphans(struct round *r)
{
	uint32_t group = r->env->groups + 1;

	for (uint32_t i = 0; i < r->env->count; i++) {
		struct envelope_rcpt *p = &r->env->rcpts[i];

		if (p->state == RCPT_FAILED && p->bounce == 0)
			p->bounce = group + (notice_of_failure(p) ? GROUP_FAILED : GROUP_UNTOLD);
	}
	name_group(r, group + GROUP_FAILED, false);
	name_group(r, group + GROUP_UNTOLD, true);
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
	r->hold = HOLD_NONE;
	r->after_bounces = expand;
	if (spool_read_envelope(r->s->spool, r->ref, &r->env) < 0) {
		/* Gone, or damaged: then the next scan moves it to corrupt/ and says so. */
		if (errno != ENOENT)
			round_log_trouble(r, "read", errno);
		hold_mark(r->s, r->entry, false);
		queue_remove(r->s->queue, r->entry);
		leave(r);
		return;
	}
	look_at(r);
	r->out = arena_get(r->env->arena, (size_t)r->env->count * sizeof(*r->out));
	if (r->out == NULL) {
		round_log_trouble(r, "read", ENOMEM);
		put_off(r);
	} else if (q->flags & QUEUE_DELETE) {
		end_round(r);
	} else if (q->flags & QUEUE_RESET) {
		q->flags &= (uint8_t)~QUEUE_RESET;
		reset_attempts(r);
		append_then(r, load);
	} else {
		name_orphans(r);
		append_then(r, bounce_groups);
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
	append_then(r, load);
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
	if (lines.n > 0) {
		buf_span(&r->lines, lines);
		load_with_lines(r);
	} else {
		load(r);
	}
}
