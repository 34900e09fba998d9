/*
 * smtp_in: the sums.
 *
 * Weights: AGAINST is what a bar weighs, FOR lifts exactly one bar.  Facts
 * that merely explain weigh 0.
 */
#include "base/base.h"
#include "policy/smtp_in.h"

#define AGAINST (-100)
#define FOR 100

struct sum {
	struct buf *why;
	int total;
};

static void
add(struct sum *s, const char *name, struct span value, int weight)
{
	s->total += weight;
	if (s->why == NULL)
		return;
	buf_printf(s->why, "%s ", name);
	if (value.n == 0)
		buf_char(s->why, '-');
	while (value.p != NULL && value.n > 0) {
		buf_escaped(s->why, span_cut(&value, ' '));
		if (value.p != NULL)
			buf_text_put(s->why, "\\x20");
	}
	buf_printf(s->why, " %d %d\n", weight, s->total);
}

/* The listener's wish for a log-in; true when it was not met. */
static bool
add_login(struct sum *s, const struct policy_client *c)
{
	if (!c->needs_login)
		return false;
	add(s, "log-in-required", SPAN("yes"), AGAINST);
	if (c->user.n > 0)
		add(s, "log-in", c->user, FOR);
	else if (c->is_trusted)
		add(s, "trusted-client", SPAN("yes"), FOR);
	return s->total < 0;
}

static struct span
domain_of(struct span address)
{
	ssize_t at = span_rfind(address, '@');

	return at >= 0 ? span_from(address, (size_t)at + 1) : SPAN_NONE;
}

static bool
matches(const struct policy_sender *f)
{
	if (f->match == POLICY_MATCH_NONE || f->may_send_as)
		return true;
	if (f->match == POLICY_MATCH_ADDRESS)
		return span_eq_nocase(f->client.user, f->address);
	return f->address.n > 0 &&
	       span_eq_nocase(domain_of(f->client.user), domain_of(f->address));
}

struct verdict
policy_sender(const struct policy_sender *f, struct buf *why)
{
	struct sum s = { why, 0 };
	bool known = f->client.user.n > 0 || f->client.is_trusted;

	if (add_login(&s, &f->client))
		return verdict_make(530, "5.7.0", "Authentication required");
	if (f->is_blocked) {
		add(&s, "sender-blocked", f->address, AGAINST);
		return verdict_make(550, "5.7.1", "This sender may not send");
	}
	/* RFC 6409 6.1; the null reverse-path belongs to nobody and to everybody. */
	if (f->client.user.n > 0 && f->address.n > 0 && !matches(f)) {
		add(&s, "sender-differs-from-log-in", f->address, AGAINST);
		return verdict_make(553, "5.7.1", "Sender address does not belong to %.*s",
				    SPAN_ARG(f->client.user));
	}
	if (f->is_local_domain && f->local_needs_login && !known) {
		add(&s, "local-sender-needs-log-in", f->address, AGAINST);
		return verdict_make(530, "5.7.0", "Authentication required for this sender");
	}
	add(&s, "sender", f->address, 0);
	return verdict_make(250, "2.1.0", "Sender OK");
}

struct verdict
policy_header_from(const struct policy_sender *f, struct buf *why)
{
	struct sum s = { why, 0 };

	if (f->client.user.n > 0 && !matches(f)) {
		add(&s, "from-differs-from-log-in", f->address, AGAINST);
		return verdict_make(550, "5.7.1", "From address does not belong to %.*s",
				    SPAN_ARG(f->client.user));
	}
	add(&s, "from", f->address, 0);
	return verdict_make(250, "2.0.0", "From OK");
}

/* What lifts the bar of a foreign recipient: the first that does is enough. */
static void
add_relay(struct sum *s, const struct policy_rcpt *f)
{
	add(s, "recipient-not-ours", SPAN("yes"), AGAINST);
	if (f->client.user.n > 0 && f->allow_relay_authenticated)
		add(s, "log-in", f->client.user, FOR);
	else if (f->client.is_trusted)
		add(s, "trusted-client", SPAN("yes"), FOR);
	else if (f->allow_relay == POLICY_RELAY_ANYONE)
		add(s, "allow-relay", SPAN("anyone"), FOR);
	else if (f->allow_relay == POLICY_RELAY_LOCAL_DOMAINS && f->sender_is_domain)
		add(s, "allow-relay", SPAN("localDomains"), FOR);
	else if (f->allow_relay == POLICY_RELAY_LOCAL_USERS && f->sender_is_user)
		add(s, "allow-relay", SPAN("localUsers"), FOR);
	else
		add(s, "allow-relay", SPAN("no"), 0);
}

struct verdict
policy_rcpt(const struct policy_rcpt *f, struct buf *why)
{
	struct sum s = { why, 0 };

	if (f->is_postmaster && f->is_ours) {
		add(&s, "postmaster", SPAN("yes"), 0);
		return verdict_make(250, "2.1.5", "Recipient OK");
	}
	if (add_login(&s, &f->client))
		return verdict_make(530, "5.7.0", "Authentication required");
	if (f->is_ours)
		add(&s, "recipient-ours", SPAN("yes"), 0);
	else
		add_relay(&s, f);
	if (s.total < 0)
		return verdict_make(550, "5.7.1", "Relaying denied");
	return verdict_make(250, "2.1.5", "Recipient OK");
}
