/*
 * round_outcome: what a recipient's outcome means for it.
 */
#include "base/base.h"
#include "round_outcome.h"

#include "notice.h"
#include "round_bounce.h"
#include "round_log.h"
#include "spool/envelope_line.h"

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
	if (r->env->sender.n == 0 && p->target == TARGET_MAILBOX)
		meter_bounced(r->s->meter, p->address);
	round_log_outcome(r, p, "delivered", v, 0);
}

void
round_outcome_settle(struct round *r, struct envelope_rcpt *p, const struct outcome *o, uint32_t group)
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

void
round_outcome_delays(struct round *r, uint32_t group)
{
	for (uint32_t i = 0; i < r->env->count; i++) {
		struct envelope_rcpt *p = &r->env->rcpts[i];

		if (r->out[i].held || notice_delay_at(&r->s->notices, r->env, p) > schedule_now())
			continue;
		p->bounce = group + GROUP_DELAYED;
		p->bounced = false;
	}
}
