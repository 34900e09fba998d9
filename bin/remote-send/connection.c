/*
 * connection: see connection.h.
 *
 * Trust: the other end is hostile.  Its lines are limited by the stream, their
 * number and sum by smtp/reply, the time by one deadline for the whole reply,
 * and texts are escaped before they go into a verdict or the log.
 */
#include "base/base.h"
#include "connection.h"

#include <errno.h>

#include "login.h"
#include "mail/said.h"
#include "net/connect.h"
#include "sys/clock.h"

#define QUIT_MS 2000
#define CONNECT_MS 30000

static void
log_protocol(struct connection *c, const char *what, struct span line)
{
	if (log_wants(c->o->svc, LOG_DETAILED))
		log_detail(c->o->svc, c->ticket, c->ip, "%s: %.*s", what, SPAN_ARG(line));
}

void
connection_drop(struct connection *c)
{
	if (c->is_open)
		stream_close(&c->io);
	c->is_open = false;
}

void
connection_say(struct connection *c, struct span line)
{
	log_protocol(c, "cmd", span_trim(line));
	stream_put(&c->io, line);
}

void
connection_say_hidden(struct connection *c, struct span shown, struct span line)
{
	log_protocol(c, "cmd", shown);
	stream_put(&c->io, line);
}

static bool
lost(struct connection *c, enum stream_result r, struct verdict *why)
{
	*why = r == LINE_TIMEOUT ?
	    verdict_make(451, "4.4.2", "%s[%s] did not answer in time", c->to.host, c->ip) :
	    verdict_make(451, "4.4.2", "connection to %s[%s] lost: %s", c->to.host, c->ip,
		stream_why(&c->io, r));
	log_protocol(c, "lost", span_of(stream_why(&c->io, r)));
	connection_drop(c);
	return false;
}

bool
connection_hear(struct connection *c, uint64_t wait_ms, struct verdict *why)
{
	enum smtp_reply_step step = SMTP_REPLY_MORE;

	smtp_reply_begin(&c->reply);
	stream_timeout(&c->io, wait_ms);
	if (c->io.deadline > c->cutoff)
		stream_deadline(&c->io, c->cutoff);
	while (step == SMTP_REPLY_MORE) {
		struct span line;
		enum stream_result r = stream_line(&c->io, LIMIT_SMTP_REPLY_LINE, &line);

		if (r == LINE_TOO_LONG) {
			step = SMTP_REPLY_BAD;
			break;
		}
		if (r != LINE_OK)
			return lost(c, r, why);
		log_protocol(c, "rsp", line);
		step = smtp_reply_line(&c->reply, line);
	}
	if (step == SMTP_REPLY_DONE)
		return true;
	*why = verdict_make(451, "4.5.0", "%s[%s] does not speak SMTP", c->to.host, c->ip);
	connection_drop(c);
	return false;
}

void
connection_quit(struct connection *c)
{
	struct verdict ignored;

	if (!c->is_open)
		return;
	stream_timeout(&c->io, QUIT_MS);
	connection_say(c, SPAN("QUIT\r\n"));
	/* its answer matters to nobody, but a close with unread input looks rude to the peer */
	if (connection_hear(c, QUIT_MS, &ignored))
		connection_drop(c);
}

/* The local address for this family, or NULL. */
static const struct addr *
source(const struct options *o, const struct target *to)
{
	const struct addr *from = to->addr.family == AF_INET6 ? &o->from_v6 : &o->from_v4;

	return from->family == to->addr.family ? from : NULL;
}

static bool
open_socket(struct connection *c, struct verdict *why)
{
	const struct addr *from = source(c->o, &c->to);
	uint64_t wait = c->o->command_ms < CONNECT_MS ? c->o->command_ms : CONNECT_MS;
	int fd = connect_tcp(&c->to.addr, from, clock_ms() + wait);

	if (fd < 0 && from != NULL && c->o->fall_back)
		fd = connect_tcp(&c->to.addr, NULL, clock_ms() + wait);
	if (fd < 0) {
		*why = verdict_make(451, "4.4.1", "cannot connect to %s[%s] port %u: %s", c->to.host, c->ip,
			(unsigned)c->to.addr.port, strerror(errno));
		log_protocol(c, "connect failed", span_of(strerror(errno)));
		return false;
	}
	stream_init(&c->io, fd, LIMIT_SMTP_REPLY_LINE + 2);
	c->is_open = true;
	c->messages = 0;
	c->cutoff = UINT64_MAX;
	return true;
}

/* A verdict made from c->reply, never better than temporary. */
static struct verdict
refusal(struct connection *c)
{
	struct verdict v = smtp_reply_verdict(&c->reply);

	if (v.kind == VERDICT_OK)
		v = verdict_make(451, "4.5.0", "unexpected reply %d", c->reply.code);
	return said_verdict(&v, c->to.host, c->ip);
}

/* The first word of a greeting or EHLO answer is our own name: we talk to ourselves. */
static bool
names_us(const struct connection *c)
{
	struct span text = span_make(c->reply.text, c->reply.text_n);
	struct span line = span_cut(&text, '\n');

	return self_is_name(c->o->self, span_word(&line));
}

static bool
say_hello(struct connection *c, const char *verb, struct verdict *why)
{
	char line[DNS_NAME_MAX + 16], local_ip[ADDR_TEXT_MAX] = "";
	struct addr local;
	const char *name;

	if (addr_of_local(c->io.fd_in, &local) == 0)
		addr_print(&local, local_ip, sizeof(local_ip));
	memcpy(c->report.from, local_ip, sizeof(c->report.from));
	name = settings_host_name(c->o->svc->settings, local_ip);
	snprintf(line, sizeof(line), "%s %s\r\n", verb, name[0] != '\0' ? name : "localhost");
	connection_say(c, span_of(line));
	return connection_hear(c, c->o->command_ms, why);
}

/* EHLO, and HELO for servers that do not know it (RFC 5321 3.2). */
static bool
introduce(struct connection *c, struct verdict *why)
{
	c->ehlo = (struct smtp_ehlo){ .size = 0 };
	if (!say_hello(c, "EHLO", why))
		return false;
	if (c->reply.code / 100 == 2) {
		smtp_ehlo_parse(&c->reply, &c->ehlo);
		return true;
	}
	if (c->reply.code / 100 == 5 && !say_hello(c, "HELO", why))
		return false;
	if (c->reply.code / 100 == 2)
		return true;
	*why = refusal(c);
	connection_quit(c);
	return false;
}

static void
report(struct connection *c, const char *result)
{
	snprintf(c->report.result, sizeof(c->report.result), "%s", result);
}

/* RFC 8460 4.3. */
static const char *
result_of(enum tls_fault fault)
{
	switch (fault) {
	case TLS_FAULT_NONE:
		return "success";
	case TLS_FAULT_NAME:
		return "certificate-host-mismatch";
	case TLS_FAULT_EXPIRED:
		return "certificate-expired";
	case TLS_FAULT_UNTRUSTED:
		return "certificate-not-trusted";
	case TLS_FAULT_HANDSHAKE:
	case TLS_FAULT_TLSA:
	case TLS_FAULT_OTHER:
	default:
		return "validation-failure";
	}
}

enum tls_step { TLS_READY, TLS_REFUSED, TLS_BROKEN, TLS_LOST };

/* Rather not at all than where others can read it or take it; RFC 8689 4.2.1 wants it returned at once. */
static bool
refuse_insecure(struct connection *c, const struct tls_need *need, const char *status, const char *what,
	struct verdict *why)
{
	if (need->requiretls)
		*why = verdict_make(550, "5.7.10", "REQUIRETLS: %s[%s] %s", c->to.host, c->ip, what);
	else
		*why = verdict_make(451, status, "%s demands TLS: %s[%s] %s", secure_who(need), c->to.host, c->ip, what);
	connection_quit(c);
	return false;
}

static void
log_tls(struct connection *c, const struct tls_finding *found)
{
	struct buf text;

	buf_init(&text, 2 * TLS_ERROR_MAX);
	if (tls_describe(&c->io, &text)) {
		buf_printf(&text, " %s", found->fault == TLS_FAULT_NONE ? "proven" : "not proven: ");
		buf_text_put(&text, found->text);
		log_protocol(c, "tls", buf_view(&text));
	}
	buf_free(&text);
}

/* TLS_BROKEN: the connection is closed, *found says why. */
static enum tls_step
shake_hands(struct connection *c, const struct tls_need *need, struct tls_finding *found)
{
	bool old_is_enough = need->type == TLS_POLICY_NONE && need->level < TLS_LEVEL_DANE;
	struct tls_expected expected;

	stream_timeout(&c->io, c->o->command_ms);
	secure_expect(need, c->to.host, &expected);
	if (stream_buffered_input(&c->io)) {
		*found = (struct tls_finding){ .fault = TLS_FAULT_HANDSHAKE,
			.text = "clear text was sent ahead of the handshake" };
	} else if (tls_connect_verified(old_is_enough ? c->o->tls : c->o->tls_proof, &c->io, &expected, found) == 0) {
		log_tls(c, found);
		return TLS_READY;
	}
	log_protocol(c, "tls", span_of(found->text));
	connection_drop(c);
	return TLS_BROKEN;
}

/* STARTTLS.  TLS_REFUSED: the connection is as before. */
static enum tls_step
start_tls(struct connection *c, const struct tls_need *need, struct tls_finding *found, struct verdict *why)
{
	connection_say(c, SPAN("STARTTLS\r\n"));
	if (!connection_hear(c, c->o->command_ms, why))
		return TLS_LOST;
	if (c->reply.code != 220)
		return TLS_REFUSED;
	return shake_hands(c, need, found);
}

/* We talk to ourselves.  A gateway that is set up so costs no mail. */
static struct verdict
loops(const struct connection *c)
{
	if (c->is_gateway)
		return verdict_make(451, "4.4.6", "gateway %s[%s] is this server itself", c->to.host, c->ip);
	return verdict_make(554, "5.4.6", "mail loops back to this server: %s[%s] is its own name", c->to.host, c->ip);
}

/* Over a connection that is open, or has TLS from the first byte on: greet. */
static bool
greet(struct connection *c, struct verdict *why, bool *is_self)
{
	if (!connection_hear(c, c->o->command_ms, why))
		return false;
	if (c->reply.code / 100 != 2) {
		*why = refusal(c);
		connection_quit(c);
		return false;
	}
	*is_self = names_us(c);
	if (!introduce(c, why))
		return false;
	*is_self |= names_us(c);
	if (*is_self) {
		*why = loops(c);
		connection_quit(c);
	}
	return !*is_self;
}

/* Connect and greet. */
static bool
begin(struct connection *c, struct verdict *why, bool *is_self)
{
	return open_socket(c, why) && greet(c, why, is_self);
}

/* TLS stands: is it enough? */
static bool
judge(struct connection *c, const struct tls_need *need, const struct tls_finding *found, struct verdict *why)
{
	char what[TLS_ERROR_MAX + 64];

	c->secured.level = TLS_LEVEL_ENCRYPT;
	/* where nobody promised more, any certificate is a success */
	report(c, need->level < TLS_LEVEL_DANE && need->type != TLS_POLICY_STS ? "success" : result_of(found->fault));
	if (need->level >= TLS_LEVEL_DANE && found->fault != TLS_FAULT_NONE) {
		snprintf(what, sizeof(what), "has no certificate that can be trusted: %s", found->text);
		return refuse_insecure(c, need, "4.7.5", what, why);
	}
	if (need->level >= TLS_LEVEL_DANE) {
		c->secured.level = need->level;
		c->secured.own_names = secure_has_own_names(need);
		memcpy(c->secured.domain, need->domain, sizeof(c->secured.domain));
	}
	return true;
}

static bool
refuse_broken(struct connection *c, const struct tls_need *need, const struct tls_finding *found, struct verdict *why)
{
	char what[TLS_ERROR_MAX + 64];

	snprintf(what, sizeof(what), "cannot be talked to over TLS: %s", found->text);
	return refuse_insecure(c, need, "4.7.5", what, why);
}

/* TLS before the greeting (RFC 8314 3.3). */
static bool
open_implicit(struct connection *c, const struct tls_need *need, struct verdict *why, bool *is_self)
{
	struct tls_finding found = { .fault = TLS_FAULT_NONE };

	if (!open_socket(c, why))
		return false;
	if (shake_hands(c, need, &found) != TLS_READY) {
		report(c, result_of(found.fault));
		return refuse_broken(c, need, &found, why);
	}
	return judge(c, need, &found, why) && greet(c, why, is_self);
}

/* Greeting first, then STARTTLS as it is needed and offered, and EHLO again (RFC 3207 4.2). */
static bool
open_in_clear(struct connection *c, const struct tls_need *need, struct verdict *why, bool *is_self)
{
	bool must = need->level >= TLS_LEVEL_ENCRYPT;
	struct tls_finding found = { .fault = TLS_FAULT_NONE };

	if (!begin(c, why, is_self))
		return false;
	if (need->level == TLS_LEVEL_NONE)
		return true;
	report(c, "starttls-not-supported");
	if (!c->ehlo.starttls)
		return !must || refuse_insecure(c, need, "4.7.4", "does not offer TLS", why);
	switch (start_tls(c, need, &found, why)) {
	case TLS_READY:
		return judge(c, need, &found, why) && introduce(c, why);
	case TLS_REFUSED:
		return !must || refuse_insecure(c, need, "4.7.4", "refused STARTTLS", why);
	case TLS_BROKEN:
		report(c, result_of(found.fault));
		return must ? refuse_broken(c, need, &found, why) : begin(c, why, is_self);
	case TLS_LOST:
	default:
		return false;
	}
}

static void
log_login_failure(struct connection *c, const struct verdict *why)
{
	struct buf line;

	buf_init(&line, LIMIT_RECORD);
	buf_text_put(&line, "event=gateway-login-failed");
	log_value(&line, "host", span_of(c->to.host));
	log_value(&line, "text", span_of(why->text));
	log_failure(c->o->svc, c->ticket, c->ip, "%s", buf_text(&line));
	buf_free(&line);
}

static bool
log_in(struct connection *c, const struct job_gateway *g, struct verdict *why)
{
	if (g == NULL || g->user[0] == '\0')
		return true;
	if (!login_run(c, g, why)) {
		log_login_failure(c, why);
		connection_quit(c);
		return false;
	}
	snprintf(c->user, sizeof(c->user), "%s", g->user);
	return true;
}

bool
connection_open(struct connection *c, const struct target *to, const struct tls_need *need, struct verdict *why,
	bool *is_self)
{
	c->to = *to;
	*is_self = false;
	c->secured = (struct secured){ .level = TLS_LEVEL_NONE };
	c->report = (struct target_report){ .type = need->type };
	c->is_gateway = need->gateway != NULL;
	c->user[0] = '\0';
	addr_print(&to->addr, c->ip, sizeof(c->ip));
	if (need->gateway != NULL && need->gateway->implicit_tls ? !open_implicit(c, need, why, is_self) :
	    !open_in_clear(c, need, why, is_self))
		return false;
	return log_in(c, need->gateway, why);
}

bool
connection_leads_to(const struct connection *c, const struct target *to, const struct tls_need *need)
{
	return c->is_open && c->is_gateway == (need->gateway != NULL) && addr_eq(&to->addr, &c->to.addr) &&
	    strcmp(to->host, c->to.host) == 0 && strcmp(c->user, need->gateway != NULL ? need->gateway->user : "") == 0;
}
