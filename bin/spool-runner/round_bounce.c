/*
 * round_bounce: who is told of what became of a message.
 *
 * Those of whom the sender is told together are a group; the groups of one
 * round are named behind all that the message had before.
 */
#include "base/base.h"
#include "round_bounce.h"

#include "base/die.h"
#include "base/limits.h"
#include "base/mem.h"
#include "notice.h"
#include "round.h"
#include "round_log.h"
#include "spool/envelope_line.h"
#include "spool/spool_id.h"

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

/* What the notice tells, in one word for the log. */
static const char *
about_group(const struct envelope *e, uint32_t group)
{
	if (group_has_failed(e, group))
		return "failed";
	for (uint32_t i = 0; i < e->count; i++)
		if (e->rcpts[i].bounce == group && e->rcpts[i].state == RCPT_OPEN)
			return "delayed";
	return "delivered";
}

static void
group_is_told(struct round *r, uint32_t group, uint64_t id)
{
	envelope_line_bounced(&r->lines, r->env->line_seed, group, id);
	for (uint32_t i = 0; i < r->env->count; i++)
		if (r->env->rcpts[i].bounce == group)
			r->env->rcpts[i].bounced = true;
}

static void
on_bounced(void *ctx, const struct record *answer)
{
	struct round *r = ctx;
	uint64_t error, id, sub;

	if (record_get_num(answer, "error", INT32_MAX, &error)) {
		round_log_trouble(r, "bounce", (int)error);
		round_put_off(r);
		return;
	}
	if (!record_get_num(answer, "bounce", UINT64_MAX, &id) || !record_get_num(answer, "sub", UINT32_MAX, &sub))
		bug("bounce was answered without its id");
	round_log_bounce(r, id, about_group(r->env, r->group));
	group_is_told(r, r->group, id);
	schedule_add(r->s, (struct spool_ref){ .id = id, .sub = (uint32_t)sub }, 0);
	round_bounce(r);
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

void
round_bounce(struct round *r)
{
	static struct buf b;
	const char *to;

	if (b.max == 0)
		buf_init(&b, LIMIT_RECORD);
	while ((r->group = open_group(r->env)) != 0) {
		to = bounce_address(r);
		if (to != NULL)
			break;
		round_log_bounce(r, 0, NULL);
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

static bool
group_is_told_of(enum round_group g)
{
	return g != GROUP_UNTOLD;
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

bool
round_bounce_name(struct round *r, uint32_t group)
{
	if (!any_named_now(r->env, group))
		return false;
	for (enum round_group g = 0; g < GROUPS; g++)
		name_group(r, group + g, !group_is_told_of(g));
	return true;
}

void
round_bounce_orphans(struct round *r)
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
