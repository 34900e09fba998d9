/*
 * round_log: what a round says in the delivery log.
 */
#include "base/base.h"
#include "round_log.h"

#include "base/limits.h"

static void
ticket_of(const struct round *r, char out[32])
{
	snprintf(out, 32, "%.*s", SPAN_ARG(r->env != NULL ? r->env->session : SPAN_NONE));
}

void
round_log_outcome(struct round *r, const struct envelope_rcpt *p, const char *event,
	const struct verdict *v, int64_t next)
{
	char ticket[32], when[ENVELOPE_TIME_SIZE], text[VERDICT_TEXT_MAX + 32];
	struct buf b;

	ticket_of(r, ticket);
	buf_init(&b, LIMIT_RECORD);
	buf_printf(&b, "event=%s id=%llu rcpt=%u", event, (unsigned long long)r->ref.id, p->number);
	log_value(&b, "from", r->env->sender);
	log_value(&b, "to", p->address);
	buf_printf(&b, " by=%s attempts=%u", p->target == TARGET_MAILBOX ? "local-deliver" :
	    p->target == TARGET_REMOTE ? "remote-send" : "directory", p->attempts);
	if (next > 0) {
		envelope_time_print(next, when);
		log_value(&b, "next", span_of(when));
	}
	verdict_print(v, text, sizeof(text));
	log_value(&b, "text", span_of(text));
	if (v->kind == VERDICT_OK)
		log_line(r->s->svc, ticket, NULL, "%s", buf_text(&b));
	else
		log_failure(r->s->svc, ticket, NULL, "%s", buf_text(&b));
	buf_free(&b);
}

void
round_log_bounce(struct round *r, uint64_t id, const char *about)
{
	char ticket[32];

	ticket_of(r, ticket);
	if (id == 0)
		log_failure(r->s->svc, ticket, NULL, "event=no-bounce id=%llu group=%u reason=%s",
		    (unsigned long long)r->ref.id, r->group, r->env->sender.n == 0 ? "null-sender" : "notify");
	else
		log_failure(r->s->svc, ticket, NULL, "event=bounced id=%llu group=%u bounce=%llu about=%s",
		    (unsigned long long)r->ref.id, r->group, (unsigned long long)id, about);
}

void
round_log_hold(struct round *r, const char *reason)
{
	char ticket[32];
	struct buf b;

	ticket_of(r, ticket);
	buf_init(&b, LIMIT_RECORD);
	buf_printf(&b, "event=%s id=%llu", reason != NULL ? "held" : "released", (unsigned long long)r->ref.id);
	log_value(&b, "from", r->env->sender);
	if (reason != NULL)
		buf_printf(&b, " reason=%s", reason);
	for (uint32_t i = 0; i < r->env->count && r->hold == HOLD_NONE; i++)
		if (r->out[i].held)
			log_value(&b, "to", r->env->rcpts[i].address);
	if (reason != NULL)
		log_failure(r->s->svc, ticket, NULL, "%s", buf_text(&b));
	else
		log_line(r->s->svc, ticket, NULL, "%s", buf_text(&b));
	buf_free(&b);
}

void
round_log_trouble(struct round *r, const char *step, int error)
{
	char ticket[32];

	ticket_of(r, ticket);
	log_failure(r->s->svc, ticket, NULL, "event=round-put-off id=%llu step=%s error=%d text=\"%s\"",
	    (unsigned long long)r->ref.id, step, error, strerror(error));
}
