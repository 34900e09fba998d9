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

bool
notice_of_delay(const struct envelope *e, const struct envelope_rcpt *p, int64_t now, int64_t after)
{
	if (p->bounce != 0 || asks_for(p, SPAN("NEVER")))
		return false;
	if (e->by != 0 && e->by_mode == 'N' && now >= e->by)
		return true;
	return asks_for(p, SPAN("DELAY")) && e->created > 0 &&
	    now - (e->hold > e->created ? e->hold : e->created) >= after;
}

int64_t
notice_next(const struct envelope *e, int64_t now, int64_t next)
{
	return e->by > now && next > e->by ? e->by : next;
}
