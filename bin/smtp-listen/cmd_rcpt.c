/*
 * cmd_rcpt: RCPT TO adds one recipient (RFC 5321 4.1.1.3).
 *
 * lib/policy decides whether we relay, auth-check whether a mailbox exists.
 * Unknown recipients are counted (refusals.c), so that nobody can try names for long.
 */
#include "base/base.h"
#include "smtp.h"
#include "facts.h"
#include "delegates.h"
#include "filter.h"
#include "gateways.h"

/* True while the transaction has room for one more; who goes on without is no harvester, but leaves. */
static bool
has_room(struct smtp *c)
{
	struct policy_rcpt_count facts = { c->t.named, LIMIT_SMTP_RECIPIENTS, c->t.overshoot + 1, LIMIT_SMTP_OVERSHOOT };
	char storage[FACTS_WHY_SIZE];
	struct buf why;
	struct verdict v;

	buf_init_fixed(&why, storage, sizeof(storage));
	v = policy_rcpt_count(&facts, &why);
	if (smtp_decided(c, "recipients", &why, &v))
		return true;
	c->t.overshoot++;
	c->over |= v.code == 421;
	reply_verdict(c, &v);
	if (v.code == 421)
		smtp_log(c, "event=too-many-recipients");
	return false;
}

/* What the directory or policy refused. */
static void
refuse(struct smtp *c, const struct smtp_rcpt *r, const struct verdict *v)
{
	char rest[64];

	snprintf(rest, sizeof(rest), " code=%d status=%s", v->code, v->status);
	smtp_log_address(c, "event=recipient-refused", "to", r->to.text, rest);
	filter_refused_rcpt(c, r, c->t.rcpt_args, v);
	refusals_reply(c, v);
}

/* Where mail for the recipient goes, in the words that milters know from other servers. */
static const char *
mailer_of(enum policy_place place)
{
	switch (place) {
	case POLICY_PLACE_LOCAL:
		return "local";
	case POLICY_PLACE_FORWARD:
		return "relay";
	case POLICY_PLACE_BACKUP:
		return "backup";
	case POLICY_PLACE_FOREIGN:
		break;
	}
	return "esmtp";
}

/* Mail for somebody else's recipient is taken: the log says what lifted the bar, the line of the sum behind it. */
static void
log_relay(struct smtp *c, const struct smtp_rcpt *r, struct span why)
{
	struct span lift, name, value;
	char rest[2 * LIMIT_ADDRESS];

	while (why.n > 0 && !span_starts(span_cut(&why, '\n'), SPAN("recipient-not-ours ")))
		continue;
	lift = span_cut(&why, '\n');
	name = span_word(&lift);
	value = span_word(&lift);
	snprintf(rest, sizeof(rest), " name=%.*s value=%.*s", SPAN_ARG(name), SPAN_ARG(value));
	smtp_log_address(c, "event=relay", "to", r->to.text, rest);
}

/* True when policy grants the recipient; else replied. */
static bool
is_allowed(struct smtp *c, const struct smtp_rcpt *r, struct policy_rcpt *facts)
{
	char storage[FACTS_WHY_SIZE];
	struct buf why;
	struct verdict v;

	c->t.mailer = mailer_of(facts->place);
	facts->client = smtp_client(c);
	facts->is_postmaster = smtp_path_is_postmaster(&r->to);
	c->t.rcpt_wants_checks = !facts->no_checks && !(facts->is_postmaster && facts->place == POLICY_PLACE_LOCAL);
	facts->allow_relay = c->config->allow_relay;
	facts->allow_relay_authenticated = c->config->allow_relay_authenticated;
	facts->sender_is_user = c->t.sender_is_user;
	facts->sender_is_domain = c->t.sender_is_domain;
	facts->count = c->t.count;
	facts->count_max = c->t.user_max_rcpts;
	facts->points = c->t.points.points;
	facts->points_max = c->config->weights.threshold;
	facts->points_verdict = &c->t.points.verdict;
	buf_init_fixed(&why, storage, sizeof(storage));
	v = policy_rcpt(facts, &why);
	if (smtp_decided(c, "recipient", &why, &v)) {
		if (facts->place == POLICY_PLACE_FOREIGN && !c->dry)
			log_relay(c, r, buf_view(&why));
		return true;
	}
	refuse(c, r, &v);
	return false;
}

/* One address is one recipient, however often it was named. */
static bool
is_there(const struct transaction *t, struct span address)
{
	for (size_t i = 0; i < t->count; i++)
		if (span_is(address, t->rcpts[i].address))
			return true;
	return false;
}

bool
recipient_add(struct transaction *t, const struct smtp_rcpt *r, struct span address)
{
	struct recipient *at;

	if (is_there(t, address))
		return true;
	if (t->rcpts == NULL)
		t->rcpts = mem_array(LIMIT_SMTP_RECIPIENTS, sizeof(*t->rcpts));
	at = &t->rcpts[t->count];
	at->notify = r->notify;
	at->room = t->room;
	at->is_in_domain = t->is_in_domain;
	at->address = arena_copy(t->arena, address);
	at->named = span_is(address, r->to.text) ? at->address : arena_copy(t->arena, span_of(r->to.text));
	at->orcpt = r->orcpt[0] != '\0' ? arena_copy(t->arena, span_of(r->orcpt)) : "";
	if (at->address == NULL || at->named == NULL || at->orcpt == NULL)
		return false;
	t->count++;
	return true;
}

/* A recipient whose domain is not in our directory: is it ours to take all the same? */
static bool
is_foreign_allowed(struct smtp *c, const struct smtp_rcpt *r)
{
	struct policy_rcpt facts = { .place = POLICY_PLACE_FOREIGN };

	gateways_find(c, &r->to, &facts);
	if (!facts_sender_needs_login(c, smtp_path_domain(&c->t.mail.from), &facts.sender_needs_login)) {
		reply_lost(c, "lookup");
		return false;
	}
	return is_allowed(c, r, &facts);
}

/*
 * For the end of the message, whose size may not be known yet.  Only the room of
 * a domain, which is always up to date; that of a mailbox may be a second old.  True.
 */
static bool
note_room(struct smtp *c, const struct policy_rcpt *facts, enum rcpt_kind kind)
{
	if (facts->room_known && facts->domain_full && !facts->is_postmaster) {
		c->t.room = facts->room;
		c->t.is_in_domain = kind == RCPT_MAILBOX;
	}
	return true;
}

/* The administrator of a full domain is to be told of that.  False. */
static bool
tell_refused(struct smtp *c, const struct policy_rcpt *facts, const struct directory_rcpt *found)
{
	if (facts->domain_full && found->kind == RCPT_MAILBOX && policy_is_full(facts))
		facts_domain_refused(c, span_of(found->canonical));
	return false;
}

/* Where the directory says the address leads, and the room that is known to be there; false: replied. */
static bool
find(struct smtp *c, const struct smtp_rcpt *r, struct span *address_out)
{
	static struct directory_rcpt found;
	struct policy_rcpt facts = { .place = POLICY_PLACE_LOCAL };

	c->t.room = UINT64_MAX;
	c->t.is_in_domain = false;
	*address_out = smtp_path_view(&r->to);
	switch (directory_rcpt(c->w->directory, *address_out, &found)) {
	case RCPT_MAILBOX:
	case RCPT_ALIAS:
		*address_out = span_of(found.canonical);
		facts.leads_to = *address_out;
		facts.is_alias = found.kind == RCPT_ALIAS;
		facts.room_known = found.room_known;
		facts.room = found.room;
		facts.domain_full = found.room_of_domain;
		facts.size = c->t.mail.has_size ? c->t.mail.size : 0;
		return is_allowed(c, r, &facts) ? note_room(c, &facts, found.kind) : tell_refused(c, &facts, &found);
	case RCPT_FOREIGN:
		return is_foreign_allowed(c, r);
	case RCPT_REFUSED:
		facts.refusal = &found.verdict;
		return is_allowed(c, r, &facts);
	case RCPT_TROUBLE:
	default:
		reply_lost(c, "lookup");
		return false;
	}
}

void
cmd_rcpt(struct smtp *c, struct span args)
{
	struct smtp_rcpt rcpt;
	struct span address;
	enum smtp_error e = smtp_rcpt_parse(args, &rcpt);

	if (e == SMTP_OK && (rcpt.to.is_utf8 || rcpt.orcpt_8bit) && !c->t.mail.smtputf8)
		e = SMTP_ERROR_UTF8;
	if (e != SMTP_OK) {
		const struct smtp_error_reply *r = smtp_error_reply(e);

		reply_bad(c, r->code, r->status, "%s", r->text);
		return;
	}
	c->t.rcpt_args = args;
	if (!has_room(c) || !find(c, &rcpt, &address) || !delegates_allow(c, &rcpt) || !filter_rcpt(c, &rcpt, args))
		return;
	if (c->dry)
		try_not_asked_rcpt(c);
	c->t.named++;
	c->t.wants_checks |= c->t.rcpt_wants_checks;
	if (recipient_add(&c->t, &rcpt, address))
		reply(c, 250, "2.1.5", "Recipient OK");
	else
		reply(c, 452, "4.5.3", "Too many recipients");
}
