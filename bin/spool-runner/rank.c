/*
 * rank: see rank.h.
 */
#include "base/base.h"
#include "rank.h"

#include "base/mem.h"
#include "policy/priority.h"

static struct span
domain_of(struct span address)
{
	return span_from(address, (size_t)(span_rfind(address, '@') + 1));
}

struct span
rank_sender(const struct envelope *e)
{
	if (e->kind_of.n > 0)
		return e->kind_of;
	return e->auth.n > 0 && span_rfind(e->auth, '@') >= 0 ? e->auth : domain_of(e->sender);
}

uint32_t
rank_attempts(const struct envelope *e)
{
	uint32_t attempts = 0;

	for (uint32_t i = 0; i < e->count; i++)
		if (e->rcpts[i].state == RCPT_OPEN && e->rcpts[i].attempts > attempts)
			attempts = e->rcpts[i].attempts;
	return attempts;
}

/* What is needed of a message when its envelope is gone. */
static struct policy_priority
facts_of(const struct envelope *e, uint32_t attempts)
{
	static const enum policy_kind kinds[] = {
		[ENVELOPE_PERSON] = POLICY_PERSON, [ENVELOPE_LIST] = POLICY_LIST,
		[ENVELOPE_AUTO_RESPONSE] = POLICY_AUTO_RESPONSE, [ENVELOPE_REPORT] = POLICY_REPORT,
		[ENVELOPE_EVENT] = POLICY_EVENT
	};

	return (struct policy_priority){ .kind = kinds[e->kind], .size = e->size, .attempts = attempts,
		.wish = e->priority_by_hand ? POLICY_PRIORITY_NORMAL : e->priority,
		.by_hand = e->priority_by_hand ? e->priority : 0 };
}

static uint32_t
by_rules(struct policy_priority f, const struct sending *s)
{
	const uint32_t *n = s->number;
	struct policy_priority_rules rules = {
		.kind = { [POLICY_PERSON] = n[SENDING_STANDARD], [POLICY_LIST] = n[SENDING_LIST],
			[POLICY_AUTO_RESPONSE] = n[SENDING_AUTO_RESPONDER], [POLICY_REPORT] = n[SENDING_REPORTS],
			[POLICY_EVENT] = n[SENDING_EVENTS] },
		.over_size = n[SENDING_OVER_SIZE], .over_size_bytes = (uint64_t)n[SENDING_OVER_SIZE_MB] << 20,
		.second = n[SENDING_SECOND], .third = n[SENDING_THIRD] };

	f.rules = s->is_ours ? &rules : NULL;
	return policy_priority(&f);
}

uint32_t
rank_of(const struct envelope *e, const struct sending *rules, uint32_t attempts)
{
	return by_rules(facts_of(e, attempts), rules);
}

struct found {
	struct schedule *s;
	uint64_t id;
	struct policy_priority facts;
};

static void
on_rules(void *ctx, uint32_t number, const struct sending *rules)
{
	struct found *f = ctx;
	uint32_t i = queue_find(f->s->queue, f->id);

	(void)number;
	if (rules != NULL && i != QUEUE_NONE && !(queue_at(f->s->queue, i)->flags & QUEUE_BY_HAND))
		queue_set_priority(f->s->queue, i, by_rules(f->facts, rules));
	f->s->asked--;
	free(f);
}

void
rank_found(struct schedule *s, uint32_t entry, const struct envelope *e)
{
	struct span who = rank_sender(e);
	struct found *f;

	queue_set_priority(s->queue, entry, e->priority);
	if (e->priority_by_hand)
		queue_at(s->queue, entry)->flags |= QUEUE_BY_HAND;
	if (e->priority_by_hand || who.n == 0)
		return;
	f = mem_new(sizeof(*f));
	*f = (struct found){ .s = s, .id = queue_at(s->queue, entry)->id, .facts = facts_of(e, rank_attempts(e)) };
	s->asked++;
	expander_ask_sending(s->expander, who, 0, on_rules, f);
}
