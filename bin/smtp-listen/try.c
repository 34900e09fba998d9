/*
 * try: a session that only pretends, for `mailctl try`.
 *
 * mailctl comes over the local socket as the owner of the instance and says with
 *	XTRY IP=ADDRESS PORT=smtp|submission|smtps|smtp-tls TLS=0|1 LOCAL=ADDRESS
 * which client it plays; the greeting or refusal of that client follows.  From
 * then on the session is served as any other, by the same commands and the
 * same decisions, but
 *  1. nothing is stored: the message is forgotten where it would be written;
 *  2. nothing is counted or learnt: abuse-check, the directory and servers that
 *     verify recipients are only asked, milters and policy servers are not; nobody
 *     logs in, no queue is started, and nobody waits to see whether the client
 *     talks early;
 *  3. nothing is logged: what would be goes to mailctl, as lines "# event=...",
 *     in front of the reply to which it led.
 * XTRY AUTH=USER stands for a successful AUTH of that user.
 *
 * Trust: only root and the instance's own uid may do this, by SO_PEERCRED; to
 * everybody else the command is unknown.
 */
#include "base/base.h"
#include <unistd.h>
#include "smtp.h"
#include "filter.h"
#include "service/service_tls.h"

void
try_tell(struct smtp *c, const char *text)
{
	char storage[4 * LIMIT_LOG_LINE];
	struct span rest = span_first(span_of(text), LIMIT_LOG_LINE - 8);
	struct buf line;

	buf_init_fixed(&line, storage, sizeof(storage));
	buf_text_put(&line, "# ");
	/* As in the log: a backslash stands there because a value was escaped before. */
	while (rest.p != NULL) {
		(void)buf_escaped(&line, span_cut(&rest, '\\'));
		if (rest.p != NULL)
			buf_char(&line, '\\');
	}
	buf_text_put(&line, "\r\n");
	stream_put(&c->s->io, buf_view(&line));
}

/*
 * Milters and policy servers may learn from what they are told, so they are told
 * nothing, and mailctl is told that.  Greylisting has a way to be asked that notes
 * nothing; mailctl takes it for each recipient, with the word for where its mail goes.
 */
static bool
is_greylisting(const struct config_milter *m)
{
	return strcmp(m->socket, CONFIG_GREYLIST) == 0;
}

void
try_not_asked(struct smtp *c)
{
	for (size_t i = 0; i < c->config->milter_count; i++)
		if (!is_greylisting(&c->config->milters[i]))
			smtp_log(c, "event=not-asked what=milter name=%s", c->config->milters[i].socket);
}

void
try_not_asked_server(struct smtp *c, enum config_delegate_state state)
{
	for (size_t i = 0; i < c->config->delegate_count; i++)
		if (c->config->delegates[i].state == state)
			smtp_log(c, "event=not-asked what=policy-server name=%s", c->config->delegates[i].socket);
}

void
try_not_asked_rcpt(struct smtp *c)
{
	for (size_t i = 0; i < c->config->milter_count; i++)
		if (is_greylisting(&c->config->milters[i]))
			smtp_log(c, "event=not-asked what=greylisting name=%s", c->t.mailer);
}

static bool
may_try(const struct smtp *c)
{
	return c->dry || (c->s->is_local && (c->s->peer_uid == 0 || c->s->peer_uid == geteuid()));
}

/* The static name of a port; NULL for another word. */
static const char *
port_named(struct span word)
{
	static const char *const names[] = { "smtp", "submission", "smtps", "smtp-tls" };

	for (size_t i = 0; i < PB_COUNT(names); i++)
		if (span_is(word, names[i]))
			return names[i];
	return NULL;
}

struct role {
	struct addr peer, local;
	const char *port;
	bool tls;
	struct span user;
};

static bool
read_word(struct span word, struct role *r)
{
	struct span value = word, key = span_cut(&value, '=');

	if (span_is(key, "IP"))
		return addr_parse(value, &r->peer);
	if (span_is(key, "LOCAL"))
		return addr_parse(value, &r->local);
	if (span_is(key, "PORT"))
		return (r->port = port_named(value)) != NULL;
	if (span_is(key, "TLS")) {
		r->tls = span_is(value, "1");
		return r->tls || span_is(value, "0");
	}
	if (span_is(key, "AUTH")) {
		r->user = value;
		return value.n > 0 && value.n <= LIMIT_ADDRESS;
	}
	return false;
}

static void
play(struct smtp *c, const struct role *r)
{
	struct session *s = c->s;

	filter_end(c);
	s->is_local = false;
	session_set_ends(s, &r->peer, &r->local);
	s->listener = r->port;
	s->tls = r->tls || service_is_tls_listener(r->port);
	c->helo[0] = '\0';
	c->dry = true;
	session_place(c);
	session_greet(c);
}

/* As auth-check would have it: only an account that may be used can log in. */
static void
log_in(struct smtp *c, struct span user)
{
	struct directory_rcpt found;

	if (c->helo[0] == '\0' || c->user[0] != '\0') {
		reply_bad(c, 503, "5.5.1", "Send EHLO first, and log in once");
		return;
	}
	switch (directory_rcpt(c->w->directory, user, &found)) {
	case RCPT_MAILBOX:
		snprintf(c->user, sizeof(c->user), "%s", found.canonical);
		snprintf(c->mechanism, sizeof(c->mechanism), "TRY");
		reply(c, 235, "2.7.0", "Authentication succeeded");
		break;
	case RCPT_TROUBLE:
		reply(c, 454, "4.7.0", "Temporary authentication failure");
		break;
	case RCPT_ALIAS:
	case RCPT_FOREIGN:
	case RCPT_REFUSED:
	default:
		reply_bad(c, 535, "5.7.8", "Authentication failed");
		break;
	}
}

void
cmd_xtry(struct smtp *c, struct span args)
{
	struct role r = { .port = "smtp", .user = SPAN_NONE };
	struct span word;

	if (!may_try(c)) {
		reply_bad(c, 500, "5.5.1", "Unknown command");
		return;
	}
	if (c->t.is_open) {
		reply_bad(c, 503, "5.5.1", "Not while a message is being sent");
		return;
	}
	while ((word = span_word(&args)).n > 0) {
		if (!read_word(word, &r)) {
			reply_bad(c, 501, "5.5.4", "XTRY does not know %.*s", SPAN_ARG(span_first(word, 100)));
			return;
		}
	}
	if (r.user.p != NULL && c->dry)
		log_in(c, r.user);
	else if (r.user.p == NULL && !c->dry && r.peer.family != 0)
		play(c, &r);
	else
		reply_bad(c, 501, "5.5.4", "XTRY needs IP= first, then AUTH=");
}
