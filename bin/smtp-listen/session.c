/*
 * session: from the greeting to the end; reading commands and dispatching them.
 *
 * The table says what each command needs.  Nothing else decides whether a
 * command may run now, and t/smtp/states.t walks every pair of state and
 * command.
 */
#include "base/base.h"
#include "smtp.h"
#include "data.h"
#include "filter.h"
#include "check/scan_client.h"
#include "mail/binary.h"
#include "mail/date.h"
#include "policy/greeting.h"
#include "service/service_tls.h"
#include "sys/clock.h"

/* Of one transaction: every recipient with the longest ORCPT, and what alignment costs. */
#define TRANSACTION_MEMORY ((size_t)LIMIT_SMTP_RECIPIENTS * (2 * LIMIT_ADDRESS + LIMIT_ORCPT + 64))

const struct smtp_entry smtp_table[] = {
	{ "EHLO", cmd_ehlo, IS_JUNK },
	{ "HELO", cmd_helo, IS_JUNK },
	{ "MAIL", cmd_mail, NEED_HELO | NO_MAIL | COUNTS_MAIL },
	{ "RCPT", cmd_rcpt, NEED_MAIL | NO_CHUNKS | COUNTS_RCPT },
	{ "DATA", cmd_data, NEED_MAIL | NEED_RCPT | NO_ARGS | NO_CHUNKS | COUNTS_MAIL },
	{ "RSET", cmd_rset, NO_ARGS | IS_JUNK },
	{ "NOOP", cmd_noop, IS_JUNK },
	{ "QUIT", cmd_quit, NO_ARGS },
	{ "HELP", cmd_help, IS_JUNK },
	{ "VRFY", cmd_vrfy, IS_JUNK },
	{ "EXPN", cmd_expn, IS_JUNK },
	{ "STARTTLS", cmd_starttls, NO_MAIL | NO_ARGS },
	{ "AUTH", cmd_auth, NEED_HELO | NO_MAIL | NO_LOGIN },
	{ "XCLIENT", cmd_xclient, NO_MAIL | IS_JUNK },
	{ "XFORWARD", cmd_xforward, NO_MAIL | IS_JUNK },
	{ "XTRY", cmd_xtry, 0 },
	{ "BDAT", cmd_bdat, COUNTS_MAIL },	/* its content must be read whatever the state */
	{ "ETRN", cmd_etrn, NEED_HELO | NO_MAIL | IS_JUNK },
	{ "XQUEUE", cmd_xqueue, NEED_HELO | NO_MAIL | NO_ARGS | IS_JUNK },
};
const size_t smtp_table_count = PB_COUNT(smtp_table);

static const struct smtp_entry *
find_command(struct span verb)
{
	for (size_t i = 0; i < smtp_table_count; i++)
		if (span_is_nocase(verb, smtp_table[i].verb))
			return &smtp_table[i];
	return NULL;
}

/* True when the needs are met; else replied. */
static bool
needs_are_met(struct smtp *c, unsigned needs, struct span args)
{
	if ((needs & NEED_HELO) != 0 && c->helo[0] == '\0')
		reply_bad(c, 503, "5.5.1", "Send EHLO or HELO first");
	else if ((needs & NO_LOGIN) != 0 && c->user[0] != '\0')
		reply_bad(c, 503, "5.5.1", "Already authenticated");
	else if ((needs & NO_MAIL) != 0 && c->t.is_open)
		reply_bad(c, 503, "5.5.1", "Not while a message is being sent");
	else if ((needs & NEED_MAIL) != 0 && !c->t.is_open)
		reply_bad(c, 503, "5.5.1", "Send MAIL first");
	else if ((needs & NO_CHUNKS) != 0 && c->t.chunks != CHUNKS_NONE)
		reply_bad(c, 503, "5.5.1", "Not while a message is sent by BDAT");
	else if ((needs & NO_ARGS) != 0 && args.n > 0)
		reply_bad(c, 501, "5.5.4", "This command takes no argument");
	else if ((needs & NEED_RCPT) != 0 && c->t.count == 0)
		reply(c, 554, "5.5.1", "No valid recipients");
	else
		return true;
	return false;
}

/* Too many commands that move no message forward (RFC 5321 4.3.2 lets us close). */
static bool
is_too_much_junk(struct smtp *c, unsigned needs)
{
	if ((needs & IS_JUNK) == 0 || ++c->junk <= LIMIT_SMTP_JUNK)
		return false;
	reply(c, 421, "4.7.0", "Too many commands without a message");
	smtp_log(c, "event=too-many-commands");
	c->over = true;
	return true;
}

static void
run_entry(struct smtp *c, const struct smtp_entry *entry, struct span args)
{
	if (is_too_much_junk(c, entry->needs) || !refusals_leave_room(c, entry->needs))
		return;
	if (needs_are_met(c, entry->needs, args))
		entry->call(c, args);
	refusals_note(c, entry->needs);
}

void
smtp_log_command(struct smtp *c, struct span line)
{
	struct smtp_command command = smtp_command_split(line);
	char storage[LIMIT_LOG_COMMAND];
	struct buf text;

	if (c->dry || !log_wants(c->s->svc, LOG_DETAILED))
		return;
	buf_init_fixed(&text, storage, sizeof(storage));
	if (span_is_nocase(command.verb, "AUTH")) {
		struct span mechanism = span_word(&command.args);

		buf_printf(&text, "AUTH %.*s%s", SPAN_ARG(span_first(mechanism, 32)),
			   command.args.n > 0 ? " ***" : "");
	} else {
		buf_span(&text, span_first(line, sizeof(storage) - 1));
	}
	for (size_t i = 0; i < text.n; i++)
		if (storage[i] == '\0')
			storage[i] = '\x01';	/* shown escaped; printf would stop there */
	log_detail(c->s->svc, c->s->ticket, c->s->ip, "cmd: %s", storage);
}

/* Milters may have words of their own for it. */
static void
unknown_command(struct smtp *c, struct span line)
{
	if (filter_unknown(c, line))
		reply_bad(c, 500, "5.5.1", "Unknown command");
}

static void
run_command(struct smtp *c, struct span line)
{
	struct smtp_command command = smtp_command_split(line);
	const struct smtp_entry *entry = find_command(command.verb);
	bool is_chunk = entry != NULL && entry->call == cmd_bdat;

	smtp_log_command(c, line);
	if (gate_is_uninvited_proxy(c->s, line)) {
		reply(c, 554, "5.7.1", "A PROXY header is not taken from you");
		c->over = true;
		return;
	}
	c->has_spoken = true;
	if (line.n > LIMIT_SMTP_LINE - 2 && (entry == NULL || entry->call != cmd_auth))
		line_refuse_long(c, command.verb, is_chunk);
	else if (c->s->io.bare_lf && !c->config->normalize)
		line_refuse(c, is_chunk, "Lines end with CR LF");
	else if (entry == NULL)
		unknown_command(c, line);
	else
		run_entry(c, entry, command.args);
}

bool
smtp_is_secured(const struct smtp *c)
{
	return c->s->tls || c->s->is_local;
}

struct policy_client
smtp_client(const struct smtp *c)
{
	return (struct policy_client){
		.user = span_of(c->user),
		.is_trusted = c->is_trusted,
		.needs_login = c->needs_login,
	};
}

void
transaction_reset(struct smtp *c)
{
	struct arena *arena = c->t.arena;
	struct recipient *rcpts = c->t.rcpts;

	if (c->t.is_open)
		filter_abort(c);
	data_give_up(c);
	binary_free(&c->t.binary);
	arena_reset(arena);
	c->t = (struct transaction){ .arena = arena, .rcpts = rcpts };
	message_reset(&c->w->message);
}

bool
smtp_hold_message(struct smtp *c)
{
	struct worker *w = c->w;
	struct verdict v;

	if (w->held_fd >= 0 || c->dry)
		return true;
	switch (intake_new(w->intake, &w->held_fd, &w->held_id, &v)) {
	case 0:
		return true;
	case 1:
		w->held_fd = -1;
		smtp_log(c, "event=intake-refused code=%d status=%s", v.code, v.status);
		reply_verdict(c, &v);
		return false;
	default:
		w->held_fd = -1;
		reply_lost(c, "intake");
		return false;
	}
}

/* BANNER-03: the host name comes first even if the text lacks it. */
static void
greet(struct smtp *c)
{
	const int64_t now = clock_wall_ms() / 1000;
	struct greeting_facts facts = { c->host, c->s->ip, now, date_local_zone(now) };
	char storage[480];
	struct buf text;
	struct span first;

	buf_init_fixed(&text, storage, sizeof(storage));
	greeting_print(span_of(settings_text(c->config->settings, "smtpBanner")), &facts, &text);
	first = buf_view(&text);
	if (span_eq_nocase(span_word(&first), span_of(c->host)))
		reply(c, 220, NULL, "%s", storage);
	else
		reply(c, 220, NULL, "%s %s", c->host, storage);
}

void
session_greet(struct smtp *c)
{
	bool is_welcome = welcome(c);

	if (is_welcome && c->dry)
		try_not_asked(c);
	if (is_welcome)
		peer_name_find(c);
	if (is_welcome && filter_connect(c))
		greet(c);
	else
		c->over = true;
}

/* What follows from the two addresses and the port. */
void
session_place(struct smtp *c)
{
	struct session *s = c->s;
	char local[ADDR_TEXT_MAX];

	c->host = settings_host_name(c->config->settings, addr_print(&s->local, local, sizeof(local)));
	c->is_trusted = s->is_known || config_is_trusted(c->config, &s->peer);
	s->is_known = c->is_trusted;
	c->needs_login = strcmp(s->listener, "submission") == 0 || strcmp(s->listener, "smtps") == 0;
}

static void
session_begin(struct smtp *c, struct session *s)
{
	struct worker *w = s->svc->ctx;

	*c = (struct smtp){ .s = s, .w = w, .config = w->config, .moved_ms = clock_ms() };
	c->t.arena = arena_new(TRANSACTION_MEMORY);
	session_place(c);
	stream_timeout(&s->io, c->config->command_timeout_ms);
}

void
smtp_hold_ahead(struct smtp *c)
{
	struct worker *w = c->w;
	struct verdict refusal;

	/* A refusal now is told to whoever asks for it at MAIL. */
	if (w->held_fd < 0 && !c->s->ends_worker && !intake_is_coming(w->intake) &&
	    intake_new(w->intake, &w->held_fd, &w->held_id, &refusal) != 0)
		w->held_fd = -1;
}

/*
 * Is our last word one that the client did not ask for?  It may be sending still.
 * Who was turned away before it said anything is not waited for (welcome.c).
 */
static bool
ends_with_news(struct smtp *c)
{
	return c->code >= 400 && (c->has_spoken || stream_hears_within(&c->s->io, 0));
}

static void
session_end(struct smtp *c)
{
	c->s->lingers = ends_with_news(c);
	transaction_reset(c);
	filter_end(c);
	if (c->admitted && !c->dry)
		abuse_close(c->w->abuse, c->messages == 0 || c->harvests);
	free(c->t.rcpts);
	arena_free(&c->t.arena);
	if (abuse_is_lost(c->w->abuse)) {
		log_failure(c->s->svc, c->s->ticket, c->s->ip, "event=owner-lost owner=abuse");
		c->s->ends_worker = true;
	}
	/* A worker that knew a secret, or lost an owner, serves nobody else. */
	if (c->user[0] != '\0' || owners_lost(c->s->svc) || (c->w->scan != NULL && scan_client_is_lost(c->w->scan)))
		c->s->ends_worker = true;
	smtp_hold_ahead(c);
}

void
smtp_session(struct session *s)
{
	struct smtp c;
	struct span line;

	session_begin(&c, s);
	session_log_connect(s);
	if (!service_is_tls_listener(s->listener) || starttls_handshake(&c)) {
		session_greet(&c);
		while (!c.over && smtp_line(&c, &line))
			run_command(&c, line);
	}
	stream_timeout(&s->io, c.config->command_timeout_ms);
	(void)stream_end(&s->io);
	session_end(&c);
}
