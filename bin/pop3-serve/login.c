/*
 * login: USER, PASS, AUTH, STLS and CAPA (RFC 1939, 2449, 2595, 5034).
 *
 * auth-check decides; a success brings the descriptor of one Maildir, and from
 * then on this process can reach nothing else.  An unknown user and a wrong
 * password look the same to the client.
 */
#include "base/base.h"
#include "session.h"

#include "base/die.h"
#include "base/mem.h"
#include "directory/auth_channel.h"
#include "policy/greeting.h"
#include "policy/mechanism.h"
#include "service/enter.h"
#include "service/service_tls.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "sys/lock.h"

#include <errno.h>

#define POP3_LOCK "pillarbox.pop3.lock"
#define MECHANISM_MAX 32

static bool
is_near(const struct pop3 *p)
{
	return p->s->is_local || addr_is_loopback(&p->s->peer);
}

bool
pop3_plaintext_allowed(const struct pop3 *p)
{
	return greeting_plaintext_allowed(p->program->plaintext_auth, p->s->tls, is_near(p));
}

static struct mechanism_facts
read_facts(const struct pop3 *p, struct auth_channel *channel)
{
	auth_channel_read(p->io, channel);
	return (struct mechanism_facts){
		.announced = auth_mechanisms(p->program->directory), .plaintext_auth = p->program->plaintext_auth,
		.tls = p->s->tls, .is_near = is_near(p),
		.binds = auth_channel_binds(channel), .has_certificate = channel->has_certificate,
	};
}

void
pop3_print_mechanisms(struct pop3 *p, struct buf *out)
{
	struct auth_channel channel;
	const struct mechanism_facts facts = read_facts(p, &channel);

	mechanism_list(&facts, " ", out);
}

static struct auth_request
request_of(struct pop3 *p, const char *mechanism)
{
	return (struct auth_request){ .service = "pop3", .mechanism = mechanism, .remote_ip = p->s->ip,
		.local_ip = "", .session = p->s->ticket, .secured = p->s->tls || is_near(p) };
}

/* Take the mailbox for this session alone; false with the reply sent. */
static bool
open_mailbox(struct pop3 *p)
{
	p->lock = lock_file(p->root, POP3_LOCK, false);
	if (p->lock < 0 && (errno == EAGAIN || errno == EACCES)) {
		pop3_err(p, "IN-USE", "Another POP3 session has this mailbox open");
		return false;
	}
	if (p->lock >= 0)
		p->box = mailbox_open(p->root, ".", MAILBOX_POP);
	if (p->box == NULL) {
		log_failure(p->s->svc, p->s->ticket, p->s->ip, "event=store-failed doing=open user=%s error=\"%s\"",
			p->user, strerror(errno));
		pop3_err(p, "SYS/TEMP", "Your mailbox cannot be opened now");
		return false;
	}
	p->count = mailbox_count(p->box);
	p->deleted = mem_array(p->count, sizeof(*p->deleted));
	return true;
}

static void
enter(struct pop3 *p, struct auth_reply *reply)
{
	struct mailbox_counts counts;
	char why[128];

	p->s->ends_worker = true;
	if (!abuse_enter(p->program->abuse, "pop3", p->s->ip, reply->user, why, sizeof(why))) {
		file_close(&reply->mailbox);
		log_line(p->s->svc, p->s->ticket, p->s->ip, "event=login-refused user=%s why=\"%s\"", reply->user, why);
		pop3_err(p, "SYS/TEMP", why);
		p->closing = true;
		return;
	}
	snprintf(p->user, sizeof(p->user), "%s", reply->user);
	abuse_login_good(p->program->abuse, "pop3", p->s->ip, span_of(p->user));
	if (reply->mailbox >= 0) {
		p->root = service_enter_mailbox(reply->mailbox);
		close(reply->mailbox);
	}
	if (p->root < 0) {
		log_failure(p->s->svc, p->s->ticket, p->s->ip, "event=no-mailbox user=%s", p->user);
		pop3_err(p, "SYS/TEMP", "Your mailbox cannot be reached now");
		p->closing = true;
		return;
	}
	if (!open_mailbox(p)) {
		p->closing = true;
		return;
	}
	p->state = POP3_TRANSACTION;
	p->bad_commands = 0;
	mailbox_counts(p->box, &counts);
	session_show(p->s, "logged in", p->user);
	log_line(p->s->svc, p->s->ticket, p->s->ip, "event=login user=%s tls=%d", p->user, p->s->tls);
	pop3_ok(p, "%u messages", counts.messages);
}

static void
failed(struct pop3 *p, struct span user, const struct auth_reply *reply)
{
	uint32_t delay;
	char storage[512];
	struct buf line;

	if (reply->user[0] != '\0')	/* auth-check knows the one spelling of it */
		user = span_of(reply->user);
	delay = abuse_login_failed(p->program->abuse, "pop3", p->s->ip, user);
	buf_init_fixed(&line, storage, sizeof(storage));
	log_value(&line, "user", span_first(user, 100));
	log_line(p->s->svc, p->s->ticket, p->s->ip, "event=login-failed%s", buf_text(&line));
	clock_sleep_ms(reply->delay_ms > delay ? reply->delay_ms : delay);
	p->name[0] = '\0';
	p->bad_commands++;
	pop3_err(p, "AUTH", "The user name or the password is wrong");
	if (p->program->max_bad_commands > 0 && p->bad_commands >= p->program->max_bad_commands)
		p->closing = true;
}

static void
finish(struct pop3 *p, enum auth_result result, struct span user, struct auth_reply *reply)
{
	switch (result) {
	case AUTH_OK:
		enter(p, reply);
		return;
	case AUTH_FAILED:
	case AUTH_DISABLED:
		failed(p, user, reply);
		return;
	case AUTH_TROUBLE:
		log_failure(p->s->svc, p->s->ticket, p->s->ip, "event=login-unknown");
		pop3_err(p, "SYS/TEMP", "Log-in is not possible now, try again later");
		p->closing = true;
		return;
	case AUTH_CONTINUE:
		bug("log-in ended with a challenge");
	}
}

/* Refuse a readable password on a connection that others may read. */
static bool
refuse_plaintext(struct pop3 *p)
{
	if (pop3_plaintext_allowed(p))
		return false;
	pop3_err(p, "AUTH", "Begin TLS (STLS) before you send a password");
	return true;
}

void
pop3_user(struct pop3 *p, const struct pop3_command *c)
{
	struct span name = span_trim(c->argument);

	if (refuse_plaintext(p))
		return;
	if (name.n == 0 || name.n > LIMIT_LOGIN_NAME) {
		pop3_bad(p, "This is no user name");
		return;
	}
	snprintf(p->name, sizeof(p->name), "%.*s", SPAN_ARG(name));
	pop3_ok(p, "send your password");
}

void
pop3_pass(struct pop3 *p, const struct pop3_command *c)
{
	struct auth_request request = request_of(p, "PLAIN");
	struct auth_reply reply = { .mailbox = -1 };
	struct span user = span_of(p->name);

	if (p->name[0] == '\0')
		pop3_bad(p, "USER comes before PASS");
	else if (!refuse_plaintext(p))
		finish(p, auth_plain(p->program->directory, &request, user, c->argument, &reply), user, &reply);
}

/* One answer of the client to a challenge; false when the exchange is over. */
static bool
read_response(struct pop3 *p, const char *challenge, struct span *response)
{
	enum stream_result r;

	stream_printf(p->io, "+ %s\r\n", challenge);
	r = stream_line(p->io, LIMIT_POP3_AUTH_LINE, response);
	if (r == LINE_OK && !span_is(*response, "*"))
		return true;
	auth_cancel(p->program->directory);
	if (r == LINE_OK || r == LINE_TOO_LONG)
		pop3_bad(p, r == LINE_OK ? "The log-in was given up" : "The response is too long");
	else
		p->closing = true;
	return false;
}

static void
list_mechanisms(struct pop3 *p)
{
	struct buf list;
	struct span rest;

	buf_init(&list, VERDICT_TEXT_MAX);
	pop3_print_mechanisms(p, &list);
	pop3_ok(p, "mechanisms follow");
	for (rest = buf_view(&list); rest.n > 0; ) {
		struct span name = span_word(&rest);

		if (name.n > 0)
			stream_printf(p->io, "%.*s\r\n", SPAN_ARG(name));
	}
	stream_text(p->io, ".\r\n");
	buf_free(&list);
}

/* False after a reply. */
static bool
mechanism_is_allowed(struct pop3 *p, const struct mechanism_facts *facts, struct span name)
{
	switch (mechanism_judge(facts, name)) {
	case MECHANISM_USABLE:
		return true;
	case MECHANISM_NEEDS_TLS:
		pop3_err(p, "AUTH", "Begin TLS (STLS) before you log in this way");
		return false;
	case MECHANISM_OFF:
	case MECHANISM_UNKNOWN:
		break;
	}
	pop3_bad(p, "There is no such mechanism");
	return false;
}

void
pop3_auth(struct pop3 *p, const struct pop3_command *c)
{
	char mechanism[MECHANISM_MAX + 1];
	struct auth_request request = request_of(p, mechanism);
	struct auth_reply reply = { .mailbox = -1 };
	struct mechanism_facts facts;
	struct auth_channel channel;
	struct span response;
	enum auth_result result;

	if (c->mechanism.n == 0) {
		list_mechanisms(p);
		return;
	}
	facts = read_facts(p, &channel);
	request.channel = &channel;
	if (c->mechanism.n > MECHANISM_MAX) {
		pop3_bad(p, "There is no such mechanism");
		return;
	}
	if (!mechanism_is_allowed(p, &facts, c->mechanism))
		return;
	snprintf(mechanism, sizeof(mechanism), "%.*s", SPAN_ARG(c->mechanism));
	result = auth_start(p->program->directory, &request, c->initial, &reply);
	while (result == AUTH_CONTINUE) {
		if (!read_response(p, reply.challenge, &response))
			return;
		result = auth_continue(p->program->directory, response, &reply);
	}
	finish(p, result, SPAN_NONE, &reply);
}

/*
 * What the client sent ahead in clear text must not be read as if it had come
 * through TLS: then the connection ends.
 */
void
pop3_stls(struct pop3 *p, const struct pop3_command *c)
{
	char error[TLS_ERROR_MAX];

	(void)c;
	if (p->program->tls == NULL || p->s->tls) {
		pop3_bad(p, p->s->tls ? "TLS is on already" : "TLS is not offered here");
		return;
	}
	if (stream_buffered_input(p->io)) {
		pop3_err(p, NULL, "Commands were sent ahead of TLS, good-bye");
		p->closing = true;
		return;
	}
	pop3_ok(p, "begin TLS now");
	if (stream_flush(p->io) != 0 || tls_accept(p->program->tls, p->io, &p->s->local, error) != 0) {
		log_line(p->s->svc, p->s->ticket, p->s->ip, "event=tls-failed error=\"%s\"", error);
		p->closing = true;
		return;
	}
	p->s->tls = true;
	service_tls_log(p->s);
	p->name[0] = '\0';		/* RFC 2595 4: nothing said before counts */
}

void
pop3_capa(struct pop3 *p, const struct pop3_command *c)
{
	struct buf list;

	(void)c;
	buf_init(&list, VERDICT_TEXT_MAX);
	pop3_ok(p, "capabilities follow");
	stream_text(p->io, "TOP\r\nUIDL\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\nPIPELINING\r\nEXPIRE NEVER\r\n");
	if (p->state == POP3_AUTHORIZATION) {
		pop3_print_mechanisms(p, &list);
		if (p->program->tls != NULL && !p->s->tls)
			stream_text(p->io, "STLS\r\n");
		if (pop3_plaintext_allowed(p))
			stream_text(p->io, "USER\r\n");
		if (list.n > 0)
			stream_printf(p->io, "SASL%s\r\n", buf_text(&list));
	}
	stream_text(p->io, "IMPLEMENTATION Pillarbox\r\n.\r\n");
	buf_free(&list);
}
