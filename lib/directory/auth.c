/*
 * auth: log-ins, the client side of the Dovecot authentication protocol 1.2.
 *
 * One exchange at a time.  Answers to an exchange that was given up are
 * recognised by their number and skipped, and a descriptor that came with one
 * is closed: a mailbox is only ever taken from the OK of the present exchange.
 */
#include "base/base.h"
#include "directory/directory_private.h"

#include <unistd.h>
#include "base/base64.h"
#include "base/mem.h"
#include "base/num.h"
#include "directory/auth_channel.h"
#include "directory/auth_line.h"
#include "sys/clock.h"

static void
note_mechanism(struct directory *d, struct auth_line *l)
{
	struct span name = auth_line_field(l);
	size_t n = strlen(d->mechanisms);
	struct buf rest;

	if (name.n == 0 || name.n > 32)
		return;
	/* buf_init_fixed empties its storage, so it gets only what is free behind the list. */
	buf_init_fixed(&rest, d->mechanisms + n, sizeof(d->mechanisms) - n);
	if (n > 0)
		buf_char(&rest, ' ');
	buf_span(&rest, name);
	if (rest.overflow)
		wire_fail(&d->auth);
}

/* Say and hear hello, once a connection. */
static bool
greet(struct directory *d, uint64_t deadline)
{
	char hello[64];
	struct span line;
	bool done = false;

	if (d->greeted || d->auth.dead)
		return !d->auth.dead;
	snprintf(hello, sizeof(hello), "VERSION\t1\t2\nCPID\t%u\n", (unsigned)getpid());
	if (!wire_send(&d->auth, span_of(hello), deadline))
		return false;
	while (!done && wire_line(&d->auth, LIMIT_AUTH_LINE, deadline, &line)) {
		struct auth_line l = auth_line_split(line);

		if (span_is(l.verb, "VERSION") && !span_is(auth_line_field(&l), "1"))
			wire_fail(&d->auth);
		else if (span_is(l.verb, "MECH"))
			note_mechanism(d, &l);
		done = span_is(l.verb, "DONE");
		wire_used(&d->auth, line.n + 1);
	}
	d->greeted = !d->auth.dead;
	return d->greeted;
}

const char *
auth_mechanisms(struct directory *d)
{
	return greet(d, clock_ms() + DIRECTORY_WAIT_MS) ? d->mechanisms : "";
}

static void
reply_clear(struct auth_reply *reply)
{
	memset(reply, 0, sizeof(*reply));
	reply->mailbox = -1;
}

static enum auth_result
fault(struct directory *d, struct auth_reply *reply)
{
	wire_fail(&d->auth);
	d->id = 0;
	if (reply->mailbox >= 0)
		close(reply->mailbox);
	reply_clear(reply);
	return AUTH_TROUBLE;
}

static enum auth_result
read_ok(struct directory *d, const struct auth_line *l, struct auth_reply *reply)
{
	struct span user = auth_line_get(l, "user");
	struct buf name;

	reply->mailbox = wire_take_passed(&d->auth);
	buf_init_fixed(&name, reply->user, sizeof(reply->user));
	if (user.n == 0 || !auth_line_unescape(user, &name) || name.overflow)
		return fault(d, reply);
	return AUTH_OK;
}

/* Whom it was about goes to the counters; a name that cannot be read is none. */
static void
read_failed_name(const struct auth_line *l, struct auth_reply *reply)
{
	struct buf name;

	buf_init_fixed(&name, reply->user, sizeof(reply->user));
	if (!auth_line_unescape(auth_line_get(l, "user"), &name) || name.overflow)
		reply->user[0] = '\0';
}

static enum auth_result
read_fail(const struct auth_line *l, struct auth_reply *reply)
{
	read_failed_name(l, reply);
	if (!num_parse_u32(auth_line_get(l, "delay"), LIMIT_LOGIN_DELAY_MS, &reply->delay_ms))
		reply->delay_ms = 0;
	if (auth_line_get(l, "temp").p != NULL)
		return AUTH_TROUBLE;
	if (span_is(auth_line_get(l, "code"), "user_disabled"))
		return AUTH_DISABLED;
	return AUTH_FAILED;
}

static enum auth_result
read_challenge(struct directory *d, struct auth_line *l, struct auth_reply *reply)
{
	struct span challenge = auth_line_field(l);
	struct buf text;

	buf_init_fixed(&text, reply->challenge, sizeof(reply->challenge));
	buf_span(&text, challenge);
	return text.overflow ? fault(d, reply) : AUTH_CONTINUE;
}

/* One line of the other side: true when it decides the present exchange. */
static bool
take_line(struct directory *d, struct span line, struct auth_reply *reply, enum auth_result *result)
{
	struct auth_line l = auth_line_split(line);
	uint32_t id;

	if (!num_parse_u32(auth_line_field(&l), UINT32_MAX, &id)) {
		*result = fault(d, reply);
		return true;
	}
	if (id != d->id) {
		int stale = wire_take_passed(&d->auth);
		if (stale >= 0)
			close(stale);
		return false;
	}
	if (span_is(l.verb, "OK"))
		*result = read_ok(d, &l, reply);
	else if (span_is(l.verb, "FAIL"))
		*result = read_fail(&l, reply);
	else if (span_is(l.verb, "CONT"))
		*result = read_challenge(d, &l, reply);
	else
		*result = fault(d, reply);
	return true;
}

static enum auth_result
wait_result(struct directory *d, uint64_t deadline, struct auth_reply *reply)
{
	enum auth_result result = AUTH_TROUBLE;
	struct span line;
	bool decided = false;

	while (!decided) {
		if (!wire_line(&d->auth, LIMIT_AUTH_LINE, deadline, &line))
			return fault(d, reply);
		size_t n = line.n + 1;
		decided = take_line(d, line, reply, &result);
		wire_used(&d->auth, n);
	}
	if (result != AUTH_CONTINUE)
		d->id = 0;
	return result;
}

static enum auth_result
exchange(struct directory *d, struct buf *question, uint64_t deadline, struct auth_reply *reply)
{
	bool sent = !question->overflow && wire_send(&d->auth, buf_view(question), deadline);

	mem_wipe(question->p, question->n);
	buf_free(question);
	return sent ? wait_result(d, deadline, reply) : fault(d, reply);
}

/* A response is base64 as the client sent it; what is not must not reach the line. */
static bool
is_base64(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!char_is_alnum(s.p[i]) && strchr("+/=", s.p[i]) == NULL)
			return false;
	return memchr(s.n > 0 ? s.p : "", '\0', s.n) == NULL;
}

/* RFC 4422 3.1: 1 to 20 letters, digits, "-" and "_". Appends it in upper case. */
static bool
add_mechanism(struct buf *out, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < n; i++) {
		char c = name[i] >= 'a' && name[i] <= 'z' ? (char)(name[i] - 32) : name[i];
		if (!char_is_alnum(c) && c != '-' && c != '_')
			return false;
		buf_char(out, c);
	}
	return n > 0 && n <= 20;
}

static void
add_text(struct buf *out, const char *name, const char *value)
{
	if (value != NULL && value[0] != '\0')
		auth_line_add(out, name, span_of(value));
}

/* Only what the mechanism counts on: lines have a limit. */
static void
add_channel(struct buf *out, const struct auth_request *request)
{
	const struct auth_channel *c = request->channel;
	struct span mechanism = span_of(request->mechanism);

	if (c == NULL)
		return;
	if (span_starts_nocase(mechanism, SPAN("SCRAM-"))) {
		add_text(out, "cbind-exporter", c->exporter);
		add_text(out, "cbind-unique", c->unique);
	}
	if (!span_is_nocase(mechanism, "EXTERNAL") || !c->has_certificate)
		return;
	add_text(out, "cert-sha256", c->certificate.fingerprint);
	if (c->certificate.is_valid) {
		auth_line_add(out, "valid-client-cert", SPAN_NONE);
		add_text(out, "cert_username", c->certificate.names);
	}
}

enum auth_result
auth_start(struct directory *d, const struct auth_request *request, struct span initial, struct auth_reply *reply)
{
	uint64_t deadline = clock_ms() + DIRECTORY_WAIT_MS;
	static uint32_t last;
	struct buf question;

	reply_clear(reply);
	auth_cancel(d);
	if (!greet(d, deadline))
		return fault(d, reply);
	if (initial.n > LIMIT_AUTH_ANSWER || !is_base64(initial))
		return AUTH_FAILED;
	last = last == UINT32_MAX ? 1 : last + 1;
	d->id = last;
	buf_init(&question, LIMIT_AUTH_LINE);
	buf_printf(&question, "AUTH\t%u\t", d->id);
	if (!add_mechanism(&question, request->mechanism)) {
		buf_free(&question);
		d->id = 0;
		return AUTH_FAILED;
	}
	auth_line_add(&question, "service", span_of(request->service));
	if (request->secured)
		auth_line_add(&question, "secured", SPAN_NONE);
	add_text(&question, "lip", request->local_ip);
	add_text(&question, "rip", request->remote_ip);
	add_text(&question, "session", request->session);
	add_channel(&question, request);
	if (initial.p != NULL)
		auth_line_add(&question, "resp", initial);
	buf_char(&question, '\n');
	return exchange(d, &question, deadline, reply);
}

enum auth_result
auth_continue(struct directory *d, struct span response, struct auth_reply *reply)
{
	struct buf question;

	reply_clear(reply);
	if (d->id == 0)
		return fault(d, reply);
	if (response.n > LIMIT_AUTH_ANSWER || !is_base64(response)) {
		auth_cancel(d);
		return AUTH_FAILED;
	}
	buf_init(&question, LIMIT_AUTH_LINE);
	buf_printf(&question, "CONT\t%u\t%.*s\n", d->id, SPAN_ARG(response));
	return exchange(d, &question, clock_ms() + DIRECTORY_WAIT_MS, reply);
}

void
auth_cancel(struct directory *d)
{
	char cancel[32];

	if (d->id == 0 || d->auth.dead)
		return;
	snprintf(cancel, sizeof(cancel), "CANCEL\t%u\n", d->id);
	d->id = 0;
	if (!wire_send(&d->auth, span_of(cancel), clock_ms() + DIRECTORY_WAIT_MS))
		wire_fail(&d->auth);
}

void
auth_tell_space(struct directory *d, int64_t bytes)
{
	char line[48];

	if (bytes == 0 || d->auth.dead || !d->greeted)
		return;
	snprintf(line, sizeof(line), "SPACE\t%lld\n", (long long)bytes);
	if (!wire_send(&d->auth, span_of(line), clock_ms() + DIRECTORY_WAIT_MS))
		wire_fail(&d->auth);
}

enum auth_result
auth_plain(struct directory *d, const struct auth_request *request, struct span user, struct span password,
	struct auth_reply *reply)
{
	struct auth_request plain = *request;
	struct buf text, coded;
	enum auth_result result;

	reply_clear(reply);
	if (user.n == 0 || user.n > LIMIT_LOGIN_NAME || password.n > LIMIT_PASSWORD
	    || memchr(user.p, '\0', user.n) != NULL
	    || (password.n > 0 && memchr(password.p, '\0', password.n) != NULL))
		return AUTH_FAILED;
	plain.mechanism = "PLAIN";
	buf_init(&text, LIMIT_LOGIN_NAME + LIMIT_PASSWORD + 2);
	buf_init(&coded, LIMIT_AUTH_LINE);
	buf_char(&text, '\0');
	buf_span(&text, user);
	buf_char(&text, '\0');
	buf_span(&text, password);
	base64_encode(&coded, buf_view(&text));
	result = auth_start(d, &plain, buf_view(&coded), reply);
	mem_wipe(text.p, text.n);
	mem_wipe(coded.p, coded.n);
	buf_free(&text);
	buf_free(&coded);
	return result;
}
