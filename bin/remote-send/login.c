/*
 * login: see login.h.
 *
 * A mechanism that the host does not take after all (504, 534, 538: RFC 4954
 * 4) gives way to the next.  Hosts offer what they know, not what they have a
 * secret of this user for: after 535 PLAIN or LOGIN is tried where it may be, and
 * nothing else, for hosts count failures.  A host that cannot prove that it
 * knows the password (SCRAM) is not the one we mean.
 *
 * Trust: challenges are base64 of at most LIMIT_SMTP_REPLY_LINE bytes, decoded
 * and handed to the library, which does not send the password of SCRAM and
 * CRAM-MD5 whatever they say; at most STEPS_MAX of them are answered.
 */
#include "base/base.h"
#include "login.h"

#include <gsasl.h>

#include "base/base64.h"
#include "base/limits.h"
#include "base/mem.h"

#define STEPS_MAX 5
#define LINE_MAX_BYTES 8192

static Gsasl *library;

static const struct mechanism {
	const char *name;
	unsigned bit;		/* SMTP_AUTH_ */
	bool binds;		/* -PLUS: to the TLS channel */
	bool is_clear;		/* it tells the password */
} mechanisms[] = {
	{ "SCRAM-SHA-256-PLUS", SMTP_AUTH_SCRAM_SHA_256_PLUS, true, false },
	{ "SCRAM-SHA-256", SMTP_AUTH_SCRAM_SHA_256, false, false },
	{ "SCRAM-SHA-1-PLUS", SMTP_AUTH_SCRAM_SHA_1_PLUS, true, false },
	{ "SCRAM-SHA-1", SMTP_AUTH_SCRAM_SHA_1, false, false },
	{ "CRAM-MD5", SMTP_AUTH_CRAM_MD5, false, false },
	{ "PLAIN", SMTP_AUTH_PLAIN, false, true },
	{ "LOGIN", SMTP_AUTH_LOGIN, false, true },
};

struct login {
	struct connection *c;
	const struct mechanism *mechanism;
	Gsasl_session *session;
};

/* -- the library ------------------------------------------------------------------ */

static void
bind_channel(struct connection *c, Gsasl_session *session)
{
	static const struct { const char *type; Gsasl_property property; } types[] = {
		{ "tls-exporter", GSASL_CB_TLS_EXPORTER }, { "tls-unique", GSASL_CB_TLS_UNIQUE },
	};

	for (size_t i = 0; i < PB_COUNT(types); i++) {
		struct buf data, text;

		buf_init(&data, 256);
		buf_init(&text, 512);
		if (tls_channel_binding(&c->io, types[i].type, &data) && base64_encode(&text, buf_view(&data)))
			(void)gsasl_property_set(session, types[i].property, buf_text(&text));
		buf_free(&text);
		buf_free(&data);
	}
}

static bool
begin_session(struct login *l, const struct job_gateway *g)
{
	if (library == NULL || gsasl_client_start(library, l->mechanism->name, &l->session) != GSASL_OK)
		return false;
	(void)gsasl_property_set(l->session, GSASL_AUTHID, g->user);
	(void)gsasl_property_set(l->session, GSASL_PASSWORD, g->password);
	if (l->mechanism->binds)
		bind_channel(l->c, l->session);
	return true;
}

/* The next response to a challenge ("" in front), decoded; GSASL_OK or GSASL_NEEDS_MORE when there is one. */
static int
step(struct login *l, struct span challenge, struct buf *response)
{
	char *text = NULL;
	size_t n = 0;
	int rc = gsasl_step(l->session, challenge.p, challenge.n, &text, &n);

	if (rc == GSASL_OK || rc == GSASL_NEEDS_MORE)
		buf_span(response, span_make(text, n));
	if (text != NULL) {
		mem_wipe(text, n);
		gsasl_free(text);
	}
	return response->overflow ? GSASL_MECHANISM_PARSE_ERROR : rc;
}

bool
login_warm_up(void)
{
	static const struct mechanism scram = { "SCRAM-SHA-256", 0, false, false };
	static const struct job_gateway g = { .user = "user", .password = "password" };
	struct login l = { .mechanism = &scram };
	struct buf response;
	bool good;

	if (library == NULL && gsasl_init(&library) != GSASL_OK)
		return false;
	if (!begin_session(&l, &g))
		return false;
	buf_init(&response, LINE_MAX_BYTES);
	good = step(&l, SPAN(""), &response) == GSASL_NEEDS_MORE;
	/* a made-up answer, so that all of the library has been used once */
	if (good) {
		struct span nonce = span_from(buf_view(&response), (size_t)span_rfind(buf_view(&response), '=') + 1);
		struct buf challenge;

		buf_init(&challenge, LINE_MAX_BYTES);
		buf_printf(&challenge, "r=%.*sx,s=c2FsdHNhbHQ=,i=4096", SPAN_ARG(nonce));
		buf_clear(&response);
		good = step(&l, buf_view(&challenge), &response) == GSASL_NEEDS_MORE;
		buf_free(&challenge);
	}
	buf_free(&response);
	gsasl_finish(l.session);
	return good;
}

/* -- the protocol ------------------------------------------------------------------- */

static struct verdict
refused(const struct connection *c)
{
	return verdict_make(451, "4.7.8", "%s[%s] refused the log-in: %d %.*s", c->to.host, c->ip, c->reply.code,
		(int)(c->reply.text_n < 200 ? c->reply.text_n : 200), c->reply.text);
}

/* Say one line that nobody may read in the log. */
static bool
say(struct connection *c, const char *shown, struct span line, struct verdict *why)
{
	connection_say_hidden(c, span_of(shown), line);
	return connection_hear(c, c->o->command_ms, why);
}

static bool
cancel(struct login *l, const char *what, struct verdict *why)
{
	struct connection *c = l->c;

	if (!say(c, "*", SPAN("*\r\n"), why))
		return false;
	*why = verdict_make(451, "4.7.8", "log-in at %s[%s] by %s: %s", c->to.host, c->ip, l->mechanism->name, what);
	return false;
}

/* "AUTH MECHANISM [INITIAL]"; an empty initial response is "=". */
static bool
say_auth(struct login *l, struct span initial, bool has_initial, struct verdict *why)
{
	struct buf line;
	char shown[64];
	bool heard;

	buf_init(&line, LINE_MAX_BYTES);
	buf_printf(&line, "AUTH %s", l->mechanism->name);
	snprintf(shown, sizeof(shown), "%s%s", buf_text(&line), has_initial ? " ***" : "");
	if (has_initial) {
		buf_char(&line, ' ');
		if (initial.n == 0)
			buf_char(&line, '=');
		else
			base64_encode(&line, initial);
	}
	buf_text_put(&line, "\r\n");
	heard = say(l->c, shown, buf_view(&line), why);
	mem_wipe(line.p, line.n);
	buf_free(&line);
	return heard;
}

static bool
say_response(struct login *l, struct span response, struct verdict *why)
{
	struct buf line;
	bool heard;

	buf_init(&line, LINE_MAX_BYTES);
	base64_encode(&line, response);
	buf_text_put(&line, "\r\n");
	heard = say(l->c, "***", buf_view(&line), why);
	mem_wipe(line.p, line.n);
	buf_free(&line);
	return heard;
}

/* Answer challenges until the host says yes or no.  done: the library is content. */
static bool
converse(struct login *l, bool done, struct verdict *why)
{
	struct connection *c = l->c;

	for (int i = 0; c->reply.code == 334; i++) {
		struct buf challenge, response;
		int rc = GSASL_BASE64_ERROR;
		bool heard;

		if (i == STEPS_MAX)
			return cancel(l, "it asks too much", why);
		buf_init(&challenge, LINE_MAX_BYTES);
		buf_init(&response, LINE_MAX_BYTES);
		if (base64_decode(span_make(c->reply.text, c->reply.text_n), &challenge))
			rc = done ? (challenge.n == 0 ? GSASL_OK : GSASL_MECHANISM_CALLED_TOO_MANY_TIMES) :
				step(l, buf_view(&challenge), &response);
		done |= rc == GSASL_OK;
		heard = rc == GSASL_OK || rc == GSASL_NEEDS_MORE ? say_response(l, buf_view(&response), why) :
			cancel(l, gsasl_strerror(rc), why);
		mem_wipe(response.p, response.n);
		buf_free(&response);
		buf_free(&challenge);
		if (!heard || (rc != GSASL_OK && rc != GSASL_NEEDS_MORE))
			return false;
	}
	if (c->reply.code / 100 != 2) {
		*why = refused(c);
		return false;
	}
	if (!done) {
		*why = verdict_make(451, "4.7.8", "%s[%s] took the log-in without proof that it knows the password",
			c->to.host, c->ip);
		return false;
	}
	return true;
}

enum outcome { LOGGED_IN, NOT_LOGGED_IN, REFUSED, NOT_TAKEN };

static enum outcome
try_one(struct login *l, const struct job_gateway *g, struct verdict *why)
{
	/* The server speaks first in these two. */
	bool has_initial = l->mechanism->bit != SMTP_AUTH_CRAM_MD5 && l->mechanism->bit != SMTP_AUTH_LOGIN;
	enum outcome outcome = NOT_LOGGED_IN;
	struct buf initial;
	int rc = GSASL_NEEDS_MORE;

	if (!begin_session(l, g)) {
		*why = verdict_make(451, "4.7.8", "log-in by %s does not work here", l->mechanism->name);
		return NOT_TAKEN;
	}
	buf_init(&initial, LINE_MAX_BYTES);
	if (has_initial)
		rc = step(l, SPAN_NONE, &initial);
	if (rc != GSASL_OK && rc != GSASL_NEEDS_MORE) {
		*why = verdict_make(451, "4.7.8", "log-in by %s: %s", l->mechanism->name, gsasl_strerror(rc));
		outcome = NOT_TAKEN;
	} else if (!say_auth(l, buf_view(&initial), has_initial, why)) {
		outcome = NOT_LOGGED_IN;
	} else if (l->c->reply.code == 504 || l->c->reply.code == 534 || l->c->reply.code == 538) {
		*why = refused(l->c);
		outcome = NOT_TAKEN;
	} else if (converse(l, rc == GSASL_OK, why)) {
		outcome = LOGGED_IN;
	} else if (l->c->is_open && l->c->reply.code == 535) {
		outcome = REFUSED;
	}
	mem_wipe(initial.p, initial.n);
	buf_free(&initial);
	gsasl_finish(l->session);
	return outcome;
}

static bool
may_use(const struct connection *c, const struct job_gateway *g, const struct mechanism *m)
{
	bool tls = tls_cipher_bits(&c->io) > 0 && (!g->only_proven || c->secured.level >= TLS_LEVEL_DANE);

	if ((c->ehlo.auth & m->bit) == 0 || (m->binds && tls_cipher_bits(&c->io) == 0))
		return false;
	return !m->is_clear || tls || addr_is_loopback(&c->to.addr);
}

bool
login_run(struct connection *c, const struct job_gateway *g, struct verdict *why)
{
	struct login l = { .c = c };
	bool only_clear = false;

	*why = verdict_make(451, "4.7.8", c->ehlo.has_auth ?
		"%s[%s] offers no way to log in that we know and may use%s" : "%s[%s] offers no log-in%s",
		c->to.host, c->ip, tls_cipher_bits(&c->io) > 0 ? "" : " without TLS");
	for (size_t i = 0; i < PB_COUNT(mechanisms) && c->is_open; i++) {
		enum outcome outcome;

		if (!may_use(c, g, &mechanisms[i]) || (only_clear && !mechanisms[i].is_clear))
			continue;
		l.mechanism = &mechanisms[i];
		outcome = try_one(&l, g, why);
		if (outcome == REFUSED && !l.mechanism->is_clear)
			only_clear = true;
		else if (outcome != NOT_TAKEN)
			return outcome == LOGGED_IN;
	}
	return false;
}
