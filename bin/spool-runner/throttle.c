/*
 * throttle: see throttle.h.
 *
 * Crash: that a message was counted is known by its attempts, and before the first
 * has ended in memory alone; it may then be counted twice.
 */
#include "base/base.h"
#include "throttle.h"

#include "hold.h"
#include "policy/throttle.h"
#include "rank.h"
#include "round_log.h"

static bool
is_elsewhere(const struct round *r, uint32_t i)
{
	return r->env->rcpts[i].target == TARGET_REMOTE && r->env->rcpts[i].state == RCPT_OPEN && !r->out[i].held;
}

/* Something of it is to go to another host for the first time. */
static bool
is_to_count(const struct round *r)
{
	bool any = false;

	if (queue_at(r->s->queue, r->entry)->flags & QUEUE_SPENT)
		return false;
	for (uint32_t i = 0; i < r->env->count; i++) {
		const struct envelope_rcpt *p = &r->env->rcpts[i];

		if (p->target == TARGET_REMOTE && (p->attempts > 0 || p->state != RCPT_OPEN))
			return false;
		any = any || (is_elsewhere(r, i) && round_is_due(r, p));
	}
	return any;
}

static size_t
limits_of(const struct round *r, struct meter_limit out[METER_LIMITS])
{
	const struct sending *s = &r->rules;
	const uint32_t *d = s->number, *u = s->user_number;
	size_t n = 0;

	if (s->is_account && u[SENDING_USER_MESSAGES] + u[SENDING_USER_MB] + u[SENDING_USER_BOUNCES] > 0)
		out[n++] = (struct meter_limit){ rank_sender(r->env), u[SENDING_USER_MESSAGES], u[SENDING_USER_MB],
			u[SENDING_USER_BOUNCES] };
	if (r->env->kind == ENVELOPE_LIST && d[SENDING_LIST_MESSAGES] + d[SENDING_LIST_MB] > 0)
		out[n++] = (struct meter_limit){ r->env->kind_of, d[SENDING_LIST_MESSAGES], d[SENDING_LIST_MB], 0 };
	if (d[SENDING_MESSAGES] + d[SENDING_MB] + d[SENDING_BOUNCES] > 0)
		out[n++] = (struct meter_limit){ span_of(s->domain), d[SENDING_MESSAGES], d[SENDING_MB], d[SENDING_BOUNCES] };
	return n;
}

static void
mark(struct round *r, bool throttled)
{
	struct queue_entry *q = queue_at(r->s->queue, r->entry);

	if (throttled)
		q->flags |= QUEUE_THROTTLED;
	else
		q->flags &= (uint16_t)~QUEUE_THROTTLED;
}

/* event=user-throttled or domain-throttled, once for each and hour. */
static void
log_first(const struct round *r, struct span who, struct span limit)
{
	struct buf b;

	buf_init(&b, LIMIT_RECORD);
	if (span_find(who, '@') < 0) {
		buf_text_put(&b, "event=domain-throttled");
		log_value(&b, "domain", who);
	} else if (r->env->kind == ENVELOPE_LIST) {
		buf_text_put(&b, "event=list-throttled");
		log_value(&b, "list", who);
	} else {
		buf_text_put(&b, "event=user-throttled");
		log_value(&b, "user", who);
	}
	log_value(&b, "limit", limit);
	log_failure(r->s->svc, NULL, NULL, "%s", buf_text(&b));
	buf_free(&b);
}

static void
on_answer(void *ctx, struct span who, struct span limit, bool first)
{
	struct round *r = ctx;
	bool was = (queue_at(r->s->queue, r->entry)->flags & QUEUE_THROTTLED) != 0, is = who.n > 0;

	if (!is)
		queue_at(r->s->queue, r->entry)->flags |= QUEUE_SPENT;
	if (first)
		log_first(r, who, limit);
	if (is != was)
		round_log_hold(r, is ? "throttled" : NULL);
	mark(r, is);
	r->throttled_until = is ? policy_throttle_until(schedule_now()) : 0;
	for (uint32_t i = 0; is && i < r->env->count; i++)
		if (is_elsewhere(r, i))
			r->out[i].held = true;
	r->after_throttle(r);
}

void
throttle_then(struct round *r, void (*next)(struct round *r))
{
	struct meter_limit limits[METER_LIMITS];
	size_t n = r->has_rules && r->rules.is_ours && is_to_count(r) ? limits_of(r, limits) : 0;

	if (n == 0) {
		mark(r, false);
		next(r);
		return;
	}
	r->after_throttle = next;
	meter_spend(r->s->meter, limits, n, r->env->size, on_answer, r);
}
