/*
 * smtp_in: the sums.
 *
 * Facts that merely explain weigh 0.  Each function asks its bars in the order
 * in which the client should hear of them.
 */
#include "base/base.h"
#include "policy/smtp_in.h"
#include "policy/sum.h"

#define YES SPAN("yes")

struct verdict
policy_connect(const struct policy_connect *f, struct buf *why)
{
	struct policy_sum s = { why, 0 };

	if (f->is_local) {
		policy_sum_add(&s, "local-client", YES, 0);
		return verdict_make(220, "2.0.0", "OK");
	}
	/* The blacklist is for all of SMTP, but for the one address that is kept open for users (SMTPIN-25). */
	if (f->is_black && !f->is_trusted && !f->ignores_black) {
		policy_sum_add(&s, "blacklist", YES, POLICY_AGAINST);
		return verdict_make(554, "5.7.1", "Your address is not served here");
	}
	if (f->in_reserve && !f->is_trusted && !f->needs_login) {
		policy_sum_add(&s, "reserve", YES, POLICY_AGAINST);
		return verdict_make(421, "4.3.2", "Too many connections, try again later");
	}
	if (f->is_early && f->refuses_early) {
		policy_sum_add(&s, "early-talker", YES, POLICY_AGAINST);
		return verdict_make(554, "5.5.1", "You spoke before the greeting");
	}
	if (f->is_early)
		policy_sum_add(&s, "early-talker", YES, 0);
	if (f->refusal.n > 0) {
		policy_sum_add(&s, "address-refused", f->refusal, POLICY_AGAINST);
		return verdict_make(421, "4.7.0", "%.*s", SPAN_ARG(f->refusal));
	}
	if (f->is_white)
		policy_sum_add(&s, "whitelist", YES, 0);
	policy_sum_add(&s, "address", SPAN("ok"), 0);
	return verdict_make(220, "2.0.0", "OK");
}

/* The listener's wish for a log-in; true when it was not met. */
static bool
lacks_login(struct policy_sum *s, const struct policy_client *c)
{
	if (!c->needs_login)
		return false;
	policy_sum_add(s, "log-in-required", YES, POLICY_AGAINST);
	if (c->user.n > 0)
		policy_sum_add(s, "log-in", c->user, POLICY_FOR);
	else if (c->is_trusted)
		policy_sum_add(s, "trusted-client", YES, POLICY_FOR);
	return s->total < 0;
}

static bool
is_known(const struct policy_client *c)
{
	return c->user.n > 0 || c->is_trusted;
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
	struct policy_sum s = { why, 0 };

	if (lacks_login(&s, &f->client))
		return verdict_make(530, "5.7.0", "Authentication required");
	if (f->is_blocked) {
		policy_sum_add(&s, "sender-blocked", f->address, POLICY_AGAINST);
		return verdict_make(550, "5.7.1", "This sender may not send");
	}
	/* RFC 6409 6.1; the null reverse-path belongs to nobody and to everybody. */
	if (f->client.user.n > 0 && f->address.n > 0 && !matches(f)) {
		policy_sum_add(&s, "sender-differs-from-log-in", f->address, POLICY_AGAINST);
		return verdict_make(553, "5.7.1", "Sender address does not belong to %.*s",
				    SPAN_ARG(f->client.user));
	}
	if (f->needs_login && f->local_needs_login && !is_known(&f->client)) {
		policy_sum_add(&s, "sender-needs-log-in", f->address, POLICY_AGAINST);
		return verdict_make(530, "5.7.0", "Authentication required for this sender");
	}
	policy_sum_add(&s, "sender", f->address, 0);
	return verdict_make(250, "2.1.0", "Sender OK");
}

struct verdict
policy_header_from(const struct policy_sender *f, struct buf *why)
{
	struct policy_sum s = { why, 0 };

	if (f->client.user.n > 0 && !matches(f)) {
		policy_sum_add(&s, "from-differs-from-log-in", f->address, POLICY_AGAINST);
		return verdict_make(550, "5.7.1", "From address does not belong to %.*s",
				    SPAN_ARG(f->client.user));
	}
	policy_sum_add(&s, "from", f->address, 0);
	return verdict_make(250, "2.0.0", "From OK");
}

struct verdict
policy_size(const struct policy_size *f, struct buf *why)
{
	struct policy_sum s = { why, 0 };
	uint64_t max = f->server_max;

	if (max == 0 || (f->user_max > 0 && f->user_max < max))
		max = f->user_max;
	if (max > 0 && f->size > max) {
		policy_sum_add_num(&s, max == f->server_max ? "server-size-limit" : "user-size-limit", max,
				   POLICY_AGAINST);
		return verdict_make(552, "5.3.4", "Message larger than %llu bytes", (unsigned long long)max);
	}
	if (f->room_known && (f->room == 0 || f->size > f->room)) {
		policy_sum_add_num(&s, "room-in-spool", f->room, POLICY_AGAINST);
		return verdict_make(452, "4.3.1", "Insufficient system storage");
	}
	policy_sum_add_num(&s, "size", f->size, 0);
	return verdict_make(250, "2.0.0", "Size OK");
}

/* What lifts the bar of a foreign recipient: the first that does is enough. */
static void
add_relay(struct policy_sum *s, const struct policy_rcpt *f)
{
	policy_sum_add(s, "recipient-not-ours", YES, POLICY_AGAINST);
	if (f->client.user.n > 0 && f->allow_relay_authenticated)
		policy_sum_add(s, "log-in", f->client.user, POLICY_FOR);
	else if (f->client.is_trusted)
		policy_sum_add(s, "trusted-client", YES, POLICY_FOR);
	else if (f->allow_relay == POLICY_RELAY_ANYONE)
		policy_sum_add(s, "allow-relay", SPAN("anyone"), POLICY_FOR);
	else if (f->allow_relay == POLICY_RELAY_LOCAL_DOMAINS && f->sender_is_domain)
		policy_sum_add(s, "allow-relay", SPAN("localDomains"), POLICY_FOR);
	else if (f->allow_relay == POLICY_RELAY_LOCAL_USERS && f->sender_is_user)
		policy_sum_add(s, "allow-relay", SPAN("localUsers"), POLICY_FOR);
	else
		policy_sum_add(s, "allow-relay", f->place_unknown ? SPAN("unknown") : SPAN("no"), 0);
}

/* What others say about a recipient that the directory does not know. */
static bool
is_unknown_elsewhere(struct policy_sum *s, const struct policy_rcpt *f)
{
	if (f->listed != POLICY_KNOWN_UNASKED)
		policy_sum_add(s, "valid-recipients", f->listed == POLICY_KNOWN_NO ? SPAN("no") : YES,
			       f->listed == POLICY_KNOWN_NO ? POLICY_AGAINST : 0);
	if (s->total >= 0 && f->verified == POLICY_KNOWN_NO)
		policy_sum_add(s, "recipient-verified", f->callout, POLICY_AGAINST);
	else if (s->total >= 0 && f->verified != POLICY_KNOWN_UNASKED)
		policy_sum_add(s, "recipient-verified", f->verified == POLICY_KNOWN_YES ? YES : SPAN("no-answer"), 0);
	return s->total < 0;
}

static struct span
place_name(enum policy_place place)
{
	switch (place) {
	case POLICY_PLACE_FORWARD:
		return SPAN("forward");
	case POLICY_PLACE_BACKUP:
		return SPAN("backup-mx");
	case POLICY_PLACE_LOCAL:
	case POLICY_PLACE_FOREIGN:
		break;
	}
	return SPAN("local");
}

/* Room for the recipient, for one that is full already or that this message would fill. */
bool
policy_is_full(const struct policy_rcpt *f)
{
	return f->room_known && (f->room == 0 || f->size > f->room);
}

static bool
is_full(struct policy_sum *s, const struct policy_rcpt *f)
{
	if (!policy_is_full(f))
		return false;
	policy_sum_add_num(s, f->domain_full ? "room-in-domain" : "room-in-mailbox", f->room, POLICY_AGAINST);
	return true;
}

static struct verdict
no_room(const struct policy_rcpt *f)
{
	return verdict_make(552, "5.2.2", f->domain_full ? "The domain has no room for this message" : "The mailbox is full");
}

/* What the envelope checks found, for strangers: unless the gateway behind wants none (ROUTE-15). */
static struct verdict
check_points(struct policy_sum *s, const struct policy_rcpt *f)
{
	const struct verdict good = verdict_make(250, "2.1.5", "Recipient OK");

	if (f->points_max == 0 || is_known(&f->client))
		return good;
	if (f->no_checks) {
		policy_sum_add(s, "envelope-checks", SPAN("off-for-gateway"), 0);
		return good;
	}
	if (f->points < f->points_max)
		return good;
	policy_sum_add_num(s, "envelope-checks", (uint64_t)f->points, POLICY_AGAINST);
	return *f->points_verdict;
}

/* Limits that hold whoever sends: number of recipients, room, envelope checks. */
static struct verdict
check_limits(struct policy_sum *s, const struct policy_rcpt *f)
{
	if (f->count_max > 0 && f->count >= f->count_max) {
		policy_sum_add_num(s, "recipient-limit", f->count_max, POLICY_AGAINST);
		return verdict_make(452, "4.5.3", "Too many recipients: %llu are allowed",
				    (unsigned long long)f->count_max);
	}
	if (is_full(s, f))
		return no_room(f);
	return check_points(s, f);
}

struct verdict
policy_rcpt(const struct policy_rcpt *f, struct buf *why)
{
	struct policy_sum s = { why, 0 };
	bool is_ours = f->place != POLICY_PLACE_FOREIGN;

	if (f->refusal != NULL) {
		policy_sum_add(&s, "directory", span_of(f->refusal->status), POLICY_AGAINST);
		return *f->refusal;
	}
	if (f->leads_to.n > 0)
		policy_sum_add(&s, f->is_alias ? "alias" : "mailbox", f->leads_to, 0);
	if (f->is_postmaster && f->place == POLICY_PLACE_LOCAL) {
		policy_sum_add(&s, "postmaster", YES, 0);
		return verdict_make(250, "2.1.5", "Recipient OK");
	}
	if (lacks_login(&s, &f->client))
		return verdict_make(530, "5.7.0", "Authentication required");
	if (f->place != POLICY_PLACE_LOCAL && f->sender_needs_login && !is_known(&f->client)) {
		policy_sum_add(&s, "sender-needs-log-in", YES, POLICY_AGAINST);
		return verdict_make(530, "5.7.0", "Authentication required for this sender");
	}
	if (is_ours)
		policy_sum_add(&s, "recipient-ours", place_name(f->place), 0);
	else
		add_relay(&s, f);
	if (s.total < 0 && f->place_unknown)
		return verdict_make(451, "4.4.3", "DNS cannot be asked about this domain now");
	if (s.total < 0)
		return verdict_make(550, "5.7.1", "Relaying denied");
	if (is_ours && is_unknown_elsewhere(&s, f))
		return verdict_make(550, "5.1.1", "There is no such user here");
	return check_limits(&s, f);
}

struct verdict
policy_room(const struct policy_rcpt *f, struct buf *why)
{
	struct policy_sum s = { why, 0 };

	return is_full(&s, f) ? no_room(f) : verdict_make(250, "2.0.0", "OK");
}

struct verdict
policy_trace(const struct policy_trace *f, struct buf *why)
{
	struct policy_sum s = { why, 0 };

	policy_sum_add_num(&s, "received-lines", f->received, f->received > f->received_max ? POLICY_AGAINST : 0);
	policy_sum_add_num(&s, "been-here", f->own, f->own > f->own_max ? POLICY_AGAINST : 0);
	if (s.total < 0)
		return verdict_make(554, "5.4.6", "Too many hops, routing loop");
	return verdict_make(250, "2.0.0", "OK");
}
