/*
 * greeting: see greeting.h.
 *
 * Trust: the banner is a setting of the administrator; facts are our own, but
 * for the peer's address, which is printed from its binary form.
 */
#include "base/base.h"
#include "policy/greeting.h"
#include "mail/date.h"

static bool
put_variable(struct span name, const struct greeting_facts *facts, struct buf *out)
{
	if (span_is(name, "HostName"))
		buf_text_put(out, facts->host_name);
	else if (span_is(name, "ConnectedIP"))
		buf_text_put(out, facts->peer_ip);
	else if (span_is(name, "Time"))
		date_print(facts->now_s, facts->zone, out);
	else if (span_is(name, "TimeUTC"))
		date_print(facts->now_s, 0, out);
	else if (span_is(name, "UnixTime"))
		buf_printf(out, "%lld", (long long)facts->now_s);
	else
		return false;
	return true;
}

void
greeting_print(struct span banner, const struct greeting_facts *facts, struct buf *out)
{
	while (banner.n > 0) {
		ssize_t from = span_find(banner, '#');
		struct span rest = from < 0 ? SPAN_NONE : span_from(banner, (size_t)from + 1);
		ssize_t to = span_find(rest, '#');

		if (from < 0 || to < 0) {
			buf_span(out, banner);
			return;
		}
		buf_span(out, span_first(banner, (size_t)from));
		if (put_variable(span_first(rest, (size_t)to), facts, out)) {
			banner = span_from(rest, (size_t)to + 1);
		} else {
			/* The second # may begin a variable of its own. */
			buf_char(out, '#');
			buf_span(out, span_first(rest, (size_t)to));
			banner = span_from(rest, (size_t)to);
		}
	}
}

bool
greeting_plaintext_allowed(const char *setting, bool tls, bool peer_is_loopback)
{
	struct span s = span_of(setting);

	return tls || span_is(s, "always") || (span_is(s, "loopback") && peer_is_loopback);
}
