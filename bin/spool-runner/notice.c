/*
 * notice: see notice.h.
 */
#include "base/base.h"
#include "notice.h"

static bool
asks_for(const struct envelope_rcpt *p, struct span word)
{
	return span_search_nocase(envelope_notify(p), word) >= 0;
}

/* RFC 3461 4.1: NEVER, or a list without FAILURE, wants no notification. */
bool
notice_of_failure(const struct envelope_rcpt *p)
{
	return p->notify.n == 0 || asks_for(p, SPAN("FAILURE"));
}

bool
notice_of_success(const struct envelope *e, const struct envelope_rcpt *p, bool dsn_passed, bool by_passed)
{
	if (asks_for(p, SPAN("NEVER")))
		return false;
	if (asks_for(p, SPAN("SUCCESS")) && (p->target == TARGET_MAILBOX || !dsn_passed))
		return true;
	/* RFC 2852 4.1.4: whom the time means nothing to, or whoever is asked to be told of. */
	return p->target == TARGET_REMOTE && e->by != 0 && (e->by_trace || (e->by_mode == 'N' && !by_passed));
}

int64_t
notice_delay_at(const struct notice_rules *rules, const struct envelope *e, const struct envelope_rcpt *p)
{
	bool wants = asks_for(p, SPAN("DELAY")) || (rules->warns && p->notify.n == 0 && e->auth.n > 0);
	int64_t since = e->hold > e->created ? e->hold : e->created, at = INT64_MAX;

	if (p->state != RCPT_OPEN || p->attempts == 0 || p->bounce != 0 || asks_for(p, SPAN("NEVER")))
		return INT64_MAX;
	if (wants && since > 0)
		at = since + rules->delay;
	return e->by != 0 && e->by_mode == 'N' && e->by < at ? e->by : at;
}

int64_t
notice_next(const struct envelope *e, int64_t now, int64_t next)
{
	return e->by > now && next > e->by ? e->by : next;
}
