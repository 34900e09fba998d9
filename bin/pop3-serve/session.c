/*
 * session: greeting, commands by the table, good-bye.
 *
 * Preconditions stand in the table.  Messages are removed only by QUIT after
 * a log-in: a session that ends in any other way changes nothing (RFC 1939 6).
 */
#include "base/base.h"
#include "session.h"

#include "base/mem.h"
#include "mail/date.h"
#include "policy/greeting.h"
#include "service/service_tls.h"
#include "store/quota.h"
#include "sys/clock.h"
#include "sys/file.h"

#include <errno.h>

/* Before log-in nobody needs longer for a line. */
#define LOGIN_TIMEOUT_MS 60000
/* A last word to somebody who was silent. */
#define GOODBYE_MS 1000

static pop3_handler pop3_noop, pop3_quit;

static const struct {
	enum pop3_verb verb;
	pop3_handler *handler;
	unsigned states;
} commands[] = {
	{ POP3_USER, pop3_user, POP3_AUTHORIZATION },
	{ POP3_PASS, pop3_pass, POP3_AUTHORIZATION },
	{ POP3_AUTH, pop3_auth, POP3_AUTHORIZATION },
	{ POP3_STLS, pop3_stls, POP3_AUTHORIZATION },
	{ POP3_CAPA, pop3_capa, POP3_AUTHORIZATION | POP3_TRANSACTION },
	{ POP3_QUIT, pop3_quit, POP3_AUTHORIZATION | POP3_TRANSACTION },
	{ POP3_NOOP, pop3_noop, POP3_TRANSACTION },
	{ POP3_STAT, pop3_stat, POP3_TRANSACTION },
	{ POP3_LIST, pop3_list, POP3_TRANSACTION },
	{ POP3_UIDL, pop3_uidl, POP3_TRANSACTION },
	{ POP3_RETR, pop3_retr, POP3_TRANSACTION },
	{ POP3_TOP, pop3_top, POP3_TRANSACTION },
	{ POP3_DELE, pop3_dele, POP3_TRANSACTION },
	{ POP3_RSET, pop3_rset, POP3_TRANSACTION },
};

void
pop3_ok(struct pop3 *p, const char *fmt, ...)
{
	char text[VERDICT_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	stream_printf(p->io, "+OK %s\r\n", text);
	log_detail(p->s->svc, p->s->ticket, p->s->ip, "rsp: +OK %s", text);
}

void
pop3_err(struct pop3 *p, const char *code, const char *text)
{
	stream_text(p->io, "-ERR ");
	if (code != NULL)
		stream_printf(p->io, "[%s] ", code);
	stream_printf(p->io, "%s (%s)\r\n", text, p->s->ticket);
	log_detail(p->s->svc, p->s->ticket, p->s->ip, "rsp: -ERR %s", text);
}

void
pop3_bad(struct pop3 *p, const char *text)
{
	const uint64_t most = session_tolerance(p->s, p->program->max_bad_commands);

	p->bad_commands++;
	if (most > 0 && p->bad_commands >= most) {
		log_line(p->s->svc, p->s->ticket, p->s->ip, "event=bad-commands count=%llu",
			(unsigned long long)p->bad_commands);
		pop3_err(p, NULL, "Too many bad commands, good-bye");
		p->closing = true;
		return;
	}
	pop3_err(p, NULL, text);
}

static void
pop3_noop(struct pop3 *p, const struct pop3_command *c)
{
	(void)c;
	pop3_ok(p, "done");
}

static void
pop3_quit(struct pop3 *p, const struct pop3_command *c)
{
	int r = p->state == POP3_TRANSACTION ? pop3_update(p) : 0, error = errno;

	(void)c;
	p->closing = true;
	auth_tell_space(p->program->directory, quota_moved());
	if (r < 0) {
		log_failure(p->s->svc, p->s->ticket, p->s->ip, "event=store-failed doing=expunge user=%s error=\"%s\"",
			p->user, strerror(error));
		pop3_err(p, "SYS/TEMP", "Some deleted messages were not removed");
		return;
	}
	pop3_ok(p, "good-bye");
}

static void
log_command(struct pop3 *p, const struct pop3_command *c)
{
	bool secret = c->verb == POP3_PASS || c->verb == POP3_AUTH;

	log_detail(p->s->svc, p->s->ticket, p->s->ip, "cmd: %s %.*s", pop3_verb_name(c->verb),
		SPAN_ARG(secret ? SPAN("...") : span_first(c->argument, 200)));
}

static void
dispatch(struct pop3 *p, struct span line)
{
	struct pop3_command c;
	enum pop3_parse parsed = pop3_command_parse(line, &c);

	log_command(p, &c);
	if (parsed != POP3_OK) {
		pop3_bad(p, parsed == POP3_BAD_VERB ? "There is no such command" :
			parsed == POP3_BAD_BYTES ? "Control characters are not allowed" :
			"The argument of this command cannot be read");
		return;
	}
	for (size_t i = 0; i < PB_COUNT(commands); i++) {
		if (commands[i].verb != c.verb)
			continue;
		if (commands[i].states & (unsigned)p->state)
			commands[i].handler(p, &c);
		else
			pop3_bad(p, p->state == POP3_AUTHORIZATION ? "Log in first" : "You are logged in already");
		return;
	}
	pop3_bad(p, "This command is not offered");		/* APOP */
}

/* Wait for a command; once its first byte is here the rest must come soon. */
static enum stream_result
read_line(struct pop3 *p, struct span *line)
{
	bool in = p->state == POP3_TRANSACTION;
	enum stream_result r;

	r = session_wait(p->s, in ? p->program->session_timeout_ms : LOGIN_TIMEOUT_MS);
	if (r != LINE_OK)
		return r;
	stream_timeout(p->io, in ? p->program->command_timeout_ms : session_patience(p->s, LOGIN_TIMEOUT_MS));
	return stream_line(p->io, in ? LIMIT_POP3_LINE : LIMIT_POP3_AUTH_LINE, line);
}

static void
serve_one(struct pop3 *p)
{
	struct span line;

	switch (read_line(p, &line)) {
	case LINE_OK:
		if (gate_is_uninvited_proxy(p->s, line)) {
			pop3_err(p, NULL, "A PROXY header is not taken from you");
			p->closing = true;
			return;
		}
		if (p->io->bare_lf)
			pop3_bad(p, "A line ends with CR LF");
		else
			dispatch(p, line);
		return;
	case LINE_TOO_LONG:
		pop3_bad(p, "The line is too long");
		return;
	case LINE_TIMEOUT:
	case LINE_EOF:
	case LINE_ERROR:
		p->closing = true;
	}
}

static void
greet(struct pop3 *p)
{
	char local[64];
	struct greeting_facts facts = { .peer_ip = p->s->ip, .now_s = clock_wall_ms() / 1000 };
	struct buf banner;

	addr_print(&p->s->local, local, sizeof(local));
	facts.host_name = settings_host_name(p->s->svc->settings, local);
	facts.zone = date_local_zone(facts.now_s);
	buf_init(&banner, VERDICT_TEXT_MAX - 8);	/* RFC 2449 4: a response fits 512 octets */
	greeting_print(span_of(p->program->banner), &facts, &banner);
	pop3_ok(p, "%s", buf_text(&banner));
	buf_free(&banner);
}

/* False when the connection must not be served; the client was told why. */
static bool
admit(struct pop3 *p)
{
	char why[128];
	char error[TLS_ERROR_MAX];

	session_log_connect(p->s);
	stream_timeout(p->io, session_patience(p->s, LOGIN_TIMEOUT_MS));
	if (service_is_tls_listener(p->s->listener)) {
		if (p->program->tls == NULL || tls_accept(p->program->tls, p->io, &p->s->local, error) != 0) {
			log_line(p->s->svc, p->s->ticket, p->s->ip, "event=tls-failed error=\"%s\"",
				p->program->tls == NULL ? "no certificate" : error);
			return false;
		}
		p->s->tls = true;
		service_tls_log(p->s);
	}
	if (p->s->standing == GATE_BLACK) {
		log_line(p->s->svc, p->s->ticket, p->s->ip, "event=refused reason=blacklist");
		pop3_err(p, NULL, "Your address is not served here");
		return false;
	}
	p->admitted = abuse_admit(p->program->abuse, "pop3", p->s->ip, p->s->standing == GATE_WHITE,
		true, why, sizeof(why));
	if (p->admitted)
		return true;
	log_line(p->s->svc, p->s->ticket, p->s->ip, "event=refused reason=\"%s\"", why);
	pop3_err(p, NULL, why);
	return false;
}

/* The client fell silent or went away; a silent one hears why the connection ends. */
static void
say_lost(struct pop3 *p)
{
	const enum stream_result r = p->io->in_state;

	if (r == LINE_OK)
		return;
	if (r == LINE_TIMEOUT) {
		stream_timeout(p->io, GOODBYE_MS);
		if (session_was_ended(p->s))
			pop3_err(p, "SYS/TEMP", "The server is busy, try again later");
		else
			pop3_err(p, NULL, "You were silent for too long, good-bye");
	}
	log_line(p->s->svc, p->s->ticket, p->s->ip, "event=lost reason=\"%s\"", stream_why(p->io, r));
}

static void
end_session(struct pop3 *p)
{
	mailbox_close(&p->box);
	free(p->deleted);
	file_close(&p->lock);
	file_close(&p->root);
	if (p->admitted)
		abuse_close(p->program->abuse, false);
	if (abuse_is_lost(p->program->abuse))
		log_failure(p->s->svc, p->s->ticket, p->s->ip, "event=owner-lost owner=abuse");
	log_line(p->s->svc, p->s->ticket, p->s->ip, "event=end user=%s messages=%zu retrieved=%zu removed=%zu in=%llu out=%llu",
		p->user[0] != '\0' ? p->user : "-", p->count, p->retrieved, p->removed,
		(unsigned long long)p->io->bytes_in, (unsigned long long)p->io->bytes_out);
}

void
pop3_session(struct session *s)
{
	struct pop3 p = { .s = s, .io = &s->io, .program = s->svc->ctx, .state = POP3_AUTHORIZATION,
		.root = -1, .lock = -1 };

	if (admit(&p)) {
		greet(&p);
		while (!p.closing)
			serve_one(&p);
		say_lost(&p);
	}
	if (stream_flush(p.io) < 0)
		log_detail(s->svc, s->ticket, s->ip, "event=lost reason=\"%s\"", stream_why(p.io, LINE_ERROR));
	end_session(&p);
}
