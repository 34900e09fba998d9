/*
 * cmd_mail: MAIL FROM opens a transaction (RFC 5321 4.1.1.2).
 *
 * Whether the sender is taken is lib/policy's decision; here its facts are
 * gathered, and the directory is asked only for those that count.
 */
#include "base/base.h"
#include "smtp.h"
#include "facts.h"
#include "demands.h"
#include "filter.h"

/* How old what intake said of its free space may be. */
#define ROOM_AGE_MS 2000

/* True when the session may send another message; else replied. */
static bool
has_messages_left(struct smtp *c)
{
	char storage[FACTS_WHY_SIZE];
	struct buf why;
	struct verdict v;

	buf_init_fixed(&why, storage, sizeof(storage));
	v = policy_messages(c->messages, c->config->max_messages, &why);
	if (smtp_decided(c, "messages", &why, &v))
		return true;
	reply_verdict(c, &v);
	smtp_log(c, "event=too-many-messages");
	c->over = true;
	return false;
}

/* Facts about the sender that need the directory: asked only when they count. */
static bool
find_sender(struct smtp *c, const struct smtp_mail *mail, struct policy_sender *f)
{
	struct span address = smtp_path_view(&mail->from);
	int answer = 0;

	if (address.n == 0)
		return true;
	if (c->user[0] != '\0' && c->config->match != POLICY_MATCH_NONE &&
	    !span_eq_nocase(address, span_of(c->user))) {
		answer = directory_may_send_as(c->w->directory, span_of(c->user), address);
		f->may_send_as = answer == 1;
	}
	return answer >= 0 && (!c->config->local_needs_login ||
		facts_sender_needs_login(c, smtp_path_domain(&mail->from), &f->needs_login));
}

/* The same for allowRelay; these stay with the transaction.  A log-in is reason enough, unless a setting says no. */
static bool
find_relay_facts(struct smtp *c, const struct smtp_mail *mail)
{
	struct directory_rcpt found;
	int answer = 0;

	if (smtp_path_is_null(&mail->from) || (c->user[0] != '\0' && c->config->allow_relay_authenticated))
		return true;
	if (c->config->allow_relay == POLICY_RELAY_LOCAL_DOMAINS) {
		answer = directory_domain(c->w->directory, smtp_path_domain(&mail->from));
		c->t.sender_is_domain = answer == 1;
	} else if (c->config->allow_relay == POLICY_RELAY_LOCAL_USERS) {
		directory_rcpt(c->w->directory, smtp_path_view(&mail->from), &found);
		answer = found.kind == RCPT_TROUBLE ? -1 : 0;
		c->t.sender_is_user = found.kind == RCPT_MAILBOX;
	}
	return answer >= 0;
}

/* True when policy has nothing against the sender; else replied. */
static bool
sender_is_allowed(struct smtp *c, const struct smtp_mail *mail)
{
	struct policy_sender facts = {
		.client = smtp_client(c),
		.address = smtp_path_view(&mail->from),
		.match = c->config->match,
		.local_needs_login = c->config->local_needs_login,
		.is_blocked = facts_is_blocked(c, smtp_path_view(&mail->from)) ||
			      facts_is_blocked(c, span_of(c->user)),
	};
	char storage[FACTS_WHY_SIZE];
	struct buf why;
	struct verdict v;

	if (!facts_account(c))
		return false;
	if (!find_sender(c, mail, &facts) || !find_relay_facts(c, mail)) {
		reply_lost(c, "lookup");
		return false;
	}
	buf_init_fixed(&why, storage, sizeof(storage));
	v = policy_sender(&facts, &why);
	if (smtp_decided(c, "sender", &why, &v)) {
		facts_sender_domain(c, mail);
		return true;
	}
	reply_verdict(c, &v);
	return false;
}

/* RFC 1870 6.1: a declared size that cannot be taken is refused before the message is sent. */
static bool
size_is_allowed(struct smtp *c, const struct smtp_mail *mail)
{
	struct policy_size facts = {
		.size = mail->has_size ? mail->size : 0,
		.server_max = c->config->most_bytes,
		.user_max = c->t.user_max_size,
		.room_known = true,
	};
	char storage[FACTS_WHY_SIZE];
	struct buf why;
	struct verdict v;

	if (intake_room(c->w->intake, ROOM_AGE_MS, &facts.room) != 0) {
		reply_lost(c, "intake");
		return false;
	}
	buf_init_fixed(&why, storage, sizeof(storage));
	v = policy_size(&facts, &why);
	if (smtp_decided(c, "size", &why, &v))
		return true;
	reply_verdict(c, &v);
	return false;
}

void
cmd_mail(struct smtp *c, struct span args)
{
	struct smtp_mail mail;
	enum smtp_error e = smtp_mail_parse(args, &mail);

	if (e != SMTP_OK) {
		const struct smtp_error_reply *r = smtp_error_reply(e);

		reply_bad(c, r->code, r->status, "%s", r->text);
		return;
	}
	if (!demands_are_allowed(c, &mail) || !has_messages_left(c))
		return;
	if (!sender_is_allowed(c, &mail) || !size_is_allowed(c, &mail) || !smtp_hold_message(c)) {
		transaction_reset(c);	/* what was found out about this sender is not the next one's */
		return;
	}
	c->t.mail = mail;
	c->t.is_open = true;
	if (!filter_mail(c, args)) {
		transaction_reset(c);
		return;
	}
	session_show(c->s, "MAIL", c->user);
	demands_reply(c);
}
