/*
 * demands: see demands.h.
 */
#include "base/base.h"
#include "demands.h"
#include "facts.h"
#include "smtp/extension.h"
#include "sys/clock.h"

static int64_t
now_s(void)
{
	return clock_wall_ms() / 1000;
}

/* RFC 4865 4: for submission only. */
static bool
offers_hold(const struct smtp *c)
{
	return c->needs_login && c->config->max_hold > 0;
}

/* What a message of this client may have; the account's limit, when it cannot be known now, shows at RCPT. */
static uint64_t
most_recipients(struct smtp *c)
{
	if (!facts_account(c) || c->t.user_max_rcpts == 0 || c->t.user_max_rcpts > LIMIT_SMTP_RECIPIENTS)
		return LIMIT_SMTP_RECIPIENTS;
	return c->t.user_max_rcpts;
}

void
demands_offer(struct smtp *c, struct buf *out)
{
	char until[SMTP_TIME_SIZE];

	/* RFC 9422 4: numbers of six digits at most. */
	buf_printf(out, "SMTPUTF8\nMT-PRIORITY\nDELIVERBY\nLIMITS RCPTMAX=%llu", (unsigned long long)most_recipients(c));
	if (c->config->max_messages > 0)
		buf_printf(out, " MAILMAX=%llu", (unsigned long long)c->config->max_messages);
	buf_char(out, '\n');
	if (c->s->tls)
		buf_text_put(out, "REQUIRETLS\n");
	if (c->config->etrn != ETRN_NOBODY)
		buf_text_put(out, "ETRN\n");
	if (offers_hold(c)) {
		smtp_time_print(now_s() + c->config->max_hold, until);
		buf_printf(out, "FUTURERELEASE %lld %s\n", (long long)c->config->max_hold, until);
	}
}

/* When the message may go, 0 at once. */
static int64_t
hold_until(const struct smtp_mail *mail, int64_t now)
{
	if (mail->hold == SMTP_HOLD_NONE)
		return 0;
	return mail->hold == SMTP_HOLD_FOR ? now + mail->hold_value : mail->hold_value;
}

bool
demands_are_allowed(struct smtp *c, struct smtp_mail *mail)
{
	const int64_t now = now_s();
	struct policy_demands facts = { .requiretls = mail->requiretls, .tls = c->s->tls,
		.holds = mail->hold != SMTP_HOLD_NONE, .hold_offered = offers_hold(c),
		.hold_until = hold_until(mail, now), .now = now, .hold_max = c->config->max_hold,
		.priority = mail->priority, .is_known = c->user[0] != '\0' || c->is_trusted };
	char storage[FACTS_WHY_SIZE];
	int priority;
	struct buf why;
	struct verdict v;

	buf_init_fixed(&why, storage, sizeof(storage));
	v = policy_demands(&facts, &priority, &why);
	if (!smtp_decided(c, "demands", &why, &v)) {
		reply_bad(c, v.code, v.status, "%s", v.text);
		return false;
	}
	mail->has_priority = priority != mail->priority;	/* else there is nothing to tell the client */
	mail->priority = priority;
	return true;
}

void
demands_reply(struct smtp *c)
{
	if (c->t.mail.has_priority && c->t.mail.priority == 0)
		reply(c, 250, "2.3.6", "%d is the new priority", c->t.mail.priority);	/* RFC 6710 4: it comes first */
	else
		reply(c, 250, "2.1.0", "Sender OK");
}

uint32_t
demands_priority(int mt)
{
	/* Each step away from 0 is at least one of ours, until there are no more. */
	return mt >= 0 ? (uint32_t)(5 + (mt * 5 + 8) / 9) : (uint32_t)(5 - (-mt * 4 + 8) / 9);
}

/* The header section itself needs RFC 6532: it has bytes over 0x7f. */
static bool
header_is_utf8(const struct message *m)
{
	for (size_t i = 0; i < m->found.end && i < m->text.n; i++)
		if ((unsigned char)m->text.p[i] > 0x7f)
			return true;
	return false;
}

static bool
has_utf8(struct span address)
{
	for (size_t i = 0; i < address.n; i++)
		if ((unsigned char)address.p[i] > 0x7f)
			return true;
	return false;
}

/*
 * A client may say SMTPUTF8 for every message; only one that cannot do without
 * it demands it of the next host (RFC 6531 3.6).
 */
static bool
needs_utf8(const struct smtp *c)
{
	bool needed = c->t.mail.smtputf8 &&
		      (has_utf8(smtp_path_view(&c->t.mail.from)) || header_is_utf8(&c->w->message));

	for (size_t i = 0; c->t.mail.smtputf8 && !needed && i < c->t.count; i++)
		needed = has_utf8(span_of(c->t.rcpts[i].address));
	return needed;
}

void
demands_fill(const struct smtp *c, struct envelope *e)
{
	const struct smtp_mail *m = &c->t.mail;
	int64_t now = now_s(), start;

	e->smtputf8 = needs_utf8(c);
	e->requiretls = m->requiretls;
	e->mt_priority = m->priority;
	e->priority = demands_priority(m->priority);
	e->hold = hold_until(m, now);
	/* Time counts from when the message may go. */
	start = e->hold > now ? e->hold : now;
	if (m->by_mode != 0) {
		e->by = start + m->by > 0 ? start + m->by : 1;
		e->by_mode = m->by_mode;
		e->by_trace = m->by_trace;
	}
}
