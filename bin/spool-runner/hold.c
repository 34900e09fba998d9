/*
 * hold: see hold.h.
 *
 * Invariant: schedule's count of the held is that of the entries with
 * QUEUE_HELD; so the more there are the longer each waits to be looked at, and
 * looking takes at most HOLD_PER_S of a second's rounds.
 *
 * Crash: nothing of this is written; the next life asks again.
 */
#include "base/base.h"
#include "hold.h"

#include "base/limits.h"
#include "policy/pattern.h"
#include "rank.h"
#include "round_log.h"

#define HOLD_S 10		/* until a disabled domain is asked for again */
#define HOLD_PER_S 500

static bool
is_named(const struct settings *set, struct span address)
{
	static const char list[] = "blockedSenders/sender";
	size_t count = address.n > 0 ? settings_count(set, list) : 0;

	for (size_t i = 0; i < count; i++)
		if (pattern_matches(span_of(settings_list(set, list, i)), address))
			return true;
	return false;
}

bool
hold_is_blocked(const struct settings *set, const struct envelope *e)
{
	return is_named(set, e->sender) || is_named(set, e->auth);
}

bool
hold_blocked(struct round *r)
{
	if (r->env->held)
		r->hold = HOLD_ADMINISTRATOR;
	else if (hold_is_blocked(r->s->svc->settings, r->env))
		r->hold = HOLD_SENDER_BLOCKED;
	return r->hold != HOLD_NONE;
}

/* -- questions --------------------------------------------------------------- */

static struct span
domain_of(struct span address)
{
	return span_from(address, (size_t)(span_rfind(address, '@') + 1));
}

size_t
hold_senders(const struct envelope *e, struct span out[HOLD_SENDERS])
{
	struct span sender = domain_of(e->sender), who = rank_sender(e);
	size_t n = 0;

	/* Asking for the account asks for its domain too. */
	if (who.n > 0)
		out[n++] = who;
	if (sender.n > 0 && !span_eq_nocase(sender, domain_of(who)))
		out[n++] = sender;
	return n;
}

static void
no_answer(struct round *r)
{
	struct verdict v = verdict_make(451, "4.3.0", "the directory does not answer");
	char text[VERDICT_TEXT_MAX + 32];

	verdict_print(&v, text, sizeof(text));
	for (uint32_t i = 0; i < r->env->count; i++)
		if (round_is_due(r, &r->env->rcpts[i])) {
			round_set_outcome(r, i + 1, span_of(text), false);
			r->out[i].lost = true;
		}
	r->lost = true;
}

static void
sender_is(struct round *r, int disabled)
{
	if (disabled < 0)
		r->hold = HOLD_NOT_KNOWN;
	else if (disabled > 0 && r->hold == HOLD_NONE)
		r->hold = disabled == DIRECTORY_USER_DISABLED ? HOLD_USER_DISABLED : HOLD_SENDER_DISABLED;
}

static void
on_rules(void *ctx, uint32_t number, const struct sending *rules)
{
	struct round *r = ctx;

	(void)number;
	if (rules != NULL)
		r->rules = *rules;
	r->has_rules = rules != NULL;
	sender_is(r, rules != NULL ? rules->disabled : -1);
	r->answered(r);
}

static void
on_sender(void *ctx, uint32_t number, int disabled)
{
	struct round *r = ctx;

	(void)number;
	sender_is(r, disabled);
	r->answered(r);
}

static bool
is_asked(const struct round *r, uint32_t i)
{
	return r->env->rcpts[i].target == TARGET_MAILBOX && round_is_due(r, &r->env->rcpts[i]);
}

/* Neighbours of the same domain share the question of their first. */
static bool
is_same(const struct round *r, uint32_t a, uint32_t b)
{
	return is_asked(r, a) && is_asked(r, b) &&
	    span_eq_nocase(domain_of(r->env->rcpts[a].address), domain_of(r->env->rcpts[b].address));
}

static void
on_mailbox(void *ctx, uint32_t number, int disabled)
{
	struct round *r = ctx;
	uint32_t i = number - 1;

	if (disabled < 0)
		r->hold = HOLD_NOT_KNOWN;
	else if (disabled > 0)
		do
			hold_rcpt(r, i + 1);
		while (++i < r->env->count && is_same(r, i - 1, i));
	r->answered(r);
}

void
hold_ask(struct round *r, void (*answered)(struct round *r))
{
	struct span from[HOLD_SENDERS];
	size_t n = hold_senders(r->env, from);

	r->answered = answered;
	for (size_t i = 0; i < n; i++) {
		r->questions++;
		if (i == 0)
			expander_ask_sending(r->s->expander, from[i], 0, on_rules, r);
		else
			expander_ask_disabled(r->s->expander, from[i], 0, on_sender, r);
	}
	for (uint32_t i = 0; i < r->env->count; i++) {
		if (!is_asked(r, i) || (i > 0 && is_same(r, i - 1, i)))
			continue;
		r->questions++;
		expander_ask_disabled(r->s->expander, domain_of(r->env->rcpts[i].address), i + 1, on_mailbox, r);
	}
}

/* -- decision ------------------------------------------------------------------ */

void
hold_rcpt(struct round *r, uint32_t number)
{
	r->out[number - 1].held = true;
	r->some_held = true;
}

void
hold_mark(struct schedule *s, uint32_t entry, bool held)
{
	struct queue_entry *q = queue_at(s->queue, entry);

	if (held == ((q->flags & QUEUE_HELD) != 0))
		return;
	q->flags ^= QUEUE_HELD;
	if (held)
		s->held++;
	else
		s->held--;
}

/* Until somebody says otherwise. */
static bool
is_for_long(enum round_hold hold)
{
	return hold == HOLD_ADMINISTRATOR || hold == HOLD_SENDER_BLOCKED;
}

static bool
is_disabled(enum round_hold hold)
{
	return hold == HOLD_SENDER_DISABLED || hold == HOLD_USER_DISABLED;
}

/* For the log; recipients are held for their domain alone. */
static const char *
reason_of(enum round_hold hold)
{
	if (hold == HOLD_ADMINISTRATOR)
		return "administrator";
	if (hold == HOLD_SENDER_BLOCKED)
		return "blocked-sender";
	return hold == HOLD_USER_DISABLED ? "disabled-user" : "disabled-domain";
}

bool
hold_settle(struct round *r)
{
	bool was = (queue_at(r->s->queue, r->entry)->flags & QUEUE_HELD) != 0;
	bool whole = is_for_long(r->hold) || is_disabled(r->hold);
	bool is = whole || r->some_held;

	if (r->hold == HOLD_NOT_KNOWN) {
		no_answer(r);
		return false;
	}
	/* What the directory said of recipients is for the time when they may have it. */
	for (uint32_t i = 0; whole && i < r->env->count; i++)
		r->out[i].text = SPAN_NONE;
	if (is != was)
		round_log_hold(r, !is ? NULL : reason_of(r->hold));
	hold_mark(r->s, r->entry, is);
	return whole;
}

int64_t
hold_due(const struct round *r, int64_t due)
{
	int64_t again = schedule_now() + HOLD_S + (int64_t)(r->s->held / HOLD_PER_S);

	if (r->throttled_until > 0 && r->throttled_until < due)
		due = r->throttled_until;
	if (is_for_long(r->hold))
		return INT64_MAX;
	if (is_disabled(r->hold) || (r->some_held && again < due))
		return again;
	return due;
}

void
hold_log(struct schedule *s, struct spool_ref ref, const struct envelope *e)
{
	char ticket[32];
	struct buf b;

	snprintf(ticket, sizeof(ticket), "%.*s", SPAN_ARG(e->session));
	buf_init(&b, LIMIT_RECORD);
	buf_printf(&b, "event=%s id=%llu", e->held ? "held" : "released", (unsigned long long)ref.id);
	log_value(&b, "from", e->sender);
	if (e->held)
		log_failure(s->svc, ticket, NULL, "%s reason=administrator", buf_text(&b));
	else
		log_line(s->svc, ticket, NULL, "%s", buf_text(&b));
	buf_free(&b);
}

void
hold_found(struct schedule *s, uint32_t entry, const struct envelope *e)
{
	struct spool_ref ref = { .id = queue_at(s->queue, entry)->id };

	if (e->held)
		hold_log(s, ref, e);
	else if (hold_is_blocked(s->svc->settings, e))
		log_failure(s->svc, NULL, NULL, "event=held id=%llu reason=blocked-sender", (unsigned long long)ref.id);
	else
		return;
	hold_mark(s, entry, true);
}
