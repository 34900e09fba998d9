/*
 * auth_server: lines in, exchanges, lines out.
 *
 * Invariants:
 * 1. A mailbox descriptor goes only to the uid that serves mailboxes, only for
 *    the service it named, only with the OK of an exchange that it finished.
 * 2. Every exchange belongs to one connection and ends with it, or with its first
 *    OK or FAIL: there is nothing to replay.
 * 3. What the log says about a user was escaped by the log.
 * 4. A failure that can depend on an account is told at a set time (AUTH_FAIL_EVERY_MS).
 */
#include "base/base.h"
#include "auth_server.h"

#include <errno.h>
#include "base/base64.h"
#include "base/mem.h"
#include "base/num.h"
#include "client.h"
#include "directory/auth_line.h"
#include "net/addr.h"
#include "sys/clock.h"
#include "sys/random.h"

#define SERVICE_MAX 16
#define TICKET_MAX 32

struct auth_server {
	struct service *svc;
	struct loop *loop;
	struct auth_core *core;
	struct refresh *refresh;
	struct spaces *spaces;
	uint32_t connections;		/* numbers for CUID */
};

struct login {
	struct login *next;
	struct connection *connection;
	uint32_t id;
	bool in_step;		/* a mechanism's function is on the stack */
	bool over;		/* to be freed when it is not any more */
	bool secured;
	uint64_t asked_ms;		/* when the client's last line came */
	struct loop_timer *held;	/* it failed, and the answer waits */
	const char *code;		/* that goes with the answer */
	struct exchange_channel channel;
	char service[SERVICE_MAX + 1];
	char ip[ADDR_TEXT_MAX];
	char ticket[TICKET_MAX + 1];
	struct exchange x;
};

struct connection {
	struct auth_server *server;
	struct client *client;
	bool has_version;
	char domain[LIMIT_DOMAIN + 1];	/* of the mailbox that it was given last; "" for none */
	struct login *logins;
	size_t count;
};

/* -- who may ask for what ------------------------------------------------- */

/* Services that get a mailbox, and the user they run as. */
static bool
is_mailbox_service(const char *service)
{
	return strcmp(service, "imap") == 0 || strcmp(service, "pop3") == 0;
}

static bool
may_ask(const struct connection *n, const char *service)
{
	const struct service *svc = n->server->svc;
	uid_t uid = client_uid(n->client);
	bool is_mail = uid == service_uid(svc, "pbmail");

	if (is_mailbox_service(service))
		return is_mail;
	/* pbsmtp and foreign servers ask for SMTP; a worker of pop3-serve or imap-serve has no reason to. */
	return !is_mail || uid == service_uid(svc, "pbsmtp");
}

/* -- the end of a log-in -------------------------------------------------- */

static void
login_free(struct login *l)
{
	exchange_end(&l->x);
	free(l);
}

static void
login_remove(struct login *l)
{
	struct connection *n = l->connection;

	for (struct login **at = &n->logins; *at != NULL; at = &(*at)->next) {
		if (*at == l) {
			*at = l->next;
			n->count--;
			break;
		}
	}
	loop_timer_drop(&l->held);
	l->over = true;
	if (!l->in_step)
		login_free(l);
}

/* The user is told by his canonical name, since failures are counted by it. */
static void
say_fail(struct connection *n, uint32_t id, const char *name, const char *extra)
{
	char canonical[LIMIT_LOGIN_NAME + 1];
	struct buf out;

	verify_canonical(n->server->core->rs, span_of(name), canonical);
	buf_init(&out, LIMIT_AUTH_LINE);
	buf_printf(&out, "FAIL\t%u", id);
	if (canonical[0] != '\0')
		auth_line_add(&out, "user", span_of(canonical));
	buf_printf(&out, "%s\n", extra);
	client_send(n->client, buf_view(&out));
	buf_free(&out);
}

static void
on_held(void *ctx)
{
	struct login *l = ctx;

	l->held = NULL;
	say_fail(l->connection, l->id, l->x.name, l->code);
	login_remove(l);
}

static void
fail_in_time(struct login *l, const char *code)
{
	uint64_t took = clock_ms() - l->asked_ms;

	l->code = code;
	l->held = loop_timer(l->connection->server->loop, AUTH_FAIL_EVERY_MS - took % AUTH_FAIL_EVERY_MS, on_held, l);
}

static void
log_login(const struct login *l, const char *event, const char *why)
{
	struct buf text;

	buf_init(&text, 1024);
	buf_printf(&text, "event=%s service=%s mechanism=%s", event, l->service, l->x.mech->name);
	log_value(&text, "user", span_of(l->x.user[0] != '\0' ? l->x.user : l->x.name));
	if (why != NULL)
		log_value(&text, "why", span_of(why));
	log_line(l->connection->server->svc, l->ticket, l->ip, "%s", buf_text(&text));
	buf_free(&text);
}

static bool
send_mailbox(struct login *l, struct span line)
{
	struct connection *n = l->connection;
	ssize_t at = span_rfind(span_of(l->x.user), '@');
	int fd = refresh_open_mailbox(n->server->refresh, span_from(span_of(l->x.user), (size_t)at + 1),
		span_first(span_of(l->x.user), (size_t)at));

	if (fd < 0) {
		log_failure(n->server->svc, l->ticket, l->ip, "event=no-mailbox user=%s errno=%d", l->x.user, errno);
		return false;
	}
	client_send_fd(n->client, line, fd);
	close(fd);
	snprintf(n->domain, sizeof(n->domain), "%s", l->x.user + at + 1);
	return true;
}

static void
say_ok(struct login *l)
{
	struct connection *n = l->connection;
	struct buf out;

	buf_init(&out, LIMIT_AUTH_LINE);
	buf_printf(&out, "OK\t%u", l->id);
	auth_line_add(&out, "user", span_of(l->x.user));
	buf_char(&out, '\n');
	if (!is_mailbox_service(l->service))
		client_send(n->client, buf_view(&out));
	else if (!send_mailbox(l, buf_view(&out)))
		say_fail(n, l->id, l->x.user, "\ttemp\tcode=temp_fail");
	buf_free(&out);
}

static void
on_done(struct exchange *x, enum exchange_result result)
{
	struct login *l = x->ctx;

	switch (result) {
	case EXCHANGE_GOOD:
		log_login(l, "login", NULL);
		say_ok(l);
		login_remove(l);
		break;
	case EXCHANGE_BAD:
		log_login(l, "login-failed", x->why[0] != '\0' ? x->why : NULL);
		fail_in_time(l, "");
		break;
	case EXCHANGE_DISABLED:
		log_login(l, "login-failed", "disabled");
		fail_in_time(l, "\tcode=user_disabled");
		break;
	case EXCHANGE_TROUBLE:
		log_login(l, "login-failed", x->why[0] != '\0' ? x->why : "trouble");
		say_fail(l->connection, l->id, x->name, "\ttemp\tcode=temp_fail");
		login_remove(l);
		break;
	}
}

static void
on_challenge(struct exchange *x, struct span text)
{
	struct login *l = x->ctx;
	struct buf out;

	buf_init(&out, LIMIT_AUTH_LINE);
	buf_printf(&out, "CONT\t%u\t", l->id);
	base64_encode(&out, text);
	buf_char(&out, '\n');
	client_send(l->connection->client, buf_view(&out));
	buf_free(&out);
}

/* -- the client's lines --------------------------------------------------- */

/* Run the mechanism on base64 text (p NULL: no initial response). */
static void
run_step(struct login *l, struct span text)
{
	struct buf in;

	buf_init(&in, LIMIT_AUTH_LINE);
	l->in_step = true;
	l->asked_ms = clock_ms();
	if (text.p != NULL && !base64_decode(text, &in))
		exchange_bad(&l->x);
	else
		l->x.mech->step(&l->x, text.p == NULL ? SPAN_NONE : span_make(buf_text(&in), in.n));
	l->in_step = false;
	if (in.p != NULL)
		mem_wipe(in.p, in.n);
	buf_free(&in);
	if (l->over)
		login_free(l);
}

static struct login *
login_find(struct connection *n, uint32_t id)
{
	for (struct login *l = n->logins; l != NULL; l = l->next)
		if (l->id == id)
			return l;
	return NULL;
}

/* Copy an unescaped field; "" when it is absent, too long or not plain text. */
static void
copy_field(const struct auth_line *line, const char *name, char *out, size_t size)
{
	struct buf b;

	buf_init_fixed(&b, out, size);
	out[0] = '\0';
	if (!auth_line_unescape(auth_line_get(line, name), &b) || b.overflow)
		out[0] = '\0';
	for (const char *c = out; *c != '\0'; c++) {
		if (*c <= ' ' || *c > '~') {
			out[0] = '\0';
			break;
		}
	}
}

/* DOM-19: a password in clear needs TLS, or a client on this machine. */
static bool
clear_is_allowed(const struct login *l)
{
	const char *when = settings_text(l->connection->server->svc->settings, "plaintextAuth");
	struct addr a;

	if (l->secured || strcmp(when, "always") == 0)
		return true;
	if (strcmp(when, "loopback") != 0)
		return false;
	return l->ip[0] == '\0' || (addr_parse(span_of(l->ip), &a) && addr_is_loopback(&a));
}

static struct login *
login_new(struct connection *n, uint32_t id, const struct mechanism *mech, const struct auth_line *line)
{
	struct login *l = mem_new(sizeof(*l));

	l->connection = n;
	l->id = id;
	l->secured = auth_line_get(line, "secured").p != NULL;
	copy_field(line, "service", l->service, sizeof(l->service));
	copy_field(line, "rip", l->ip, sizeof(l->ip));
	copy_field(line, "session", l->ticket, sizeof(l->ticket));
	copy_field(line, "cbind-exporter", l->channel.exporter, sizeof(l->channel.exporter));
	copy_field(line, "cbind-unique", l->channel.unique, sizeof(l->channel.unique));
	copy_field(line, "cert-sha256", l->channel.cert_sha256, sizeof(l->channel.cert_sha256));
	if (auth_line_get(line, "valid-client-cert").p != NULL)
		copy_field(line, "cert_username", l->channel.cert_names, sizeof(l->channel.cert_names));
	l->x = (struct exchange){ .core = n->server->core, .mech = mech, .ip = l->ip,
		.channel = &l->channel, .challenge = on_challenge,
		.done = on_done, .ctx = l };
	l->next = n->logins;
	n->logins = l;
	n->count++;
	return l;
}

static bool
on_auth(struct connection *n, struct auth_line *line)
{
	struct span id_text = auth_line_field(line), name = auth_line_field(line);
	const struct mechanism *mech = mechanism_find(name);
	struct login *l;
	uint32_t id;

	if (!num_parse_u32(id_text, UINT32_MAX, &id) || login_find(n, id) != NULL)
		return false;
	if (mech != NULL && mech->is_offered != NULL && !mech->is_offered(n->server->core))
		mech = NULL;
	if (mech == NULL || n->count >= LIMIT_AUTH_PENDING) {
		say_fail(n, id, "", mech == NULL ? "" : "\ttemp");
		return true;
	}
	l = login_new(n, id, mech, line);
	if (!may_ask(n, l->service)) {
		client_security(n->client, "asked for a service that is not its own");
		login_remove(l);
		return true;
	}
	if (mech->is_clear && !clear_is_allowed(l)) {
		log_login(l, "login-failed", "clear text without TLS");
		say_fail(n, id, "", "");
		login_remove(l);
		return true;
	}
	run_step(l, auth_line_get(line, "resp"));
	return true;
}

static bool
on_continue(struct connection *n, struct auth_line *line)
{
	struct login *l;
	uint32_t id;

	if (!num_parse_u32(auth_line_field(line), UINT32_MAX, &id))
		return false;
	l = login_find(n, id);
	if (l == NULL || l->x.job != NULL || l->held != NULL)
		return false;
	run_step(l, line->rest.p != NULL ? line->rest : span_make("", 0));
	return true;
}

static bool
on_cancel(struct connection *n, struct auth_line *line)
{
	struct login *l;
	uint32_t id;

	if (!num_parse_u32(auth_line_field(line), UINT32_MAX, &id))
		return false;
	l = login_find(n, id);
	if (l != NULL)
		login_remove(l);
	return true;
}

/*
 * SPACE, TAB, bytes with or without "-": the session put so much mail into the mailbox
 * it was given.  It speaks of its own domain only, and what it says is counted
 * again before that domain is said to be full for long (spaces.h).
 */
static bool
on_space(struct connection *n, struct auth_line *line)
{
	struct span text = auth_line_field(line);
	bool is_minus = span_starts(text, SPAN("-"));
	uint64_t bytes;

	if (n->domain[0] == '\0' || !num_parse(span_from(text, is_minus), INT64_MAX, &bytes))
		return false;
	spaces_add(n->server->spaces, span_of(n->domain), is_minus ? -(int64_t)bytes : (int64_t)bytes);
	return true;
}

static bool
on_line(struct connection *n, struct span text)
{
	struct auth_line line = auth_line_split(text);

	if (span_is(line.verb, "VERSION")) {
		n->has_version = span_is(auth_line_field(&line), "1");
		return n->has_version;
	}
	if (!n->has_version)
		return false;
	if (span_is(line.verb, "CPID"))
		return true;
	if (span_is(line.verb, "AUTH"))
		return on_auth(n, &line);
	if (span_is(line.verb, "CONT"))
		return on_continue(n, &line);
	if (span_is(line.verb, "CANCEL"))
		return on_cancel(n, &line);
	if (span_is(line.verb, "SPACE"))
		return on_space(n, &line);
	return true;		/* unknown lines are skipped, so that newer clients can talk */
}

static size_t
on_input(struct client *c PB_UNUSED, void *ctx, struct span in)
{
	ssize_t end = span_find(in, '\n');

	if (end < 0)
		return in.n > LIMIT_AUTH_LINE ? CLIENT_HOSTILE : 0;
	if (end > LIMIT_AUTH_LINE || !on_line(ctx, span_first(in, (size_t)end)))
		return CLIENT_HOSTILE;
	return (size_t)end + 1;
}

static void
on_gone(void *ctx)
{
	struct connection *n = ctx;

	while (n->logins != NULL)
		login_remove(n->logins);
	free(n);
}

static const struct client_kind kind = {
	.name = "auth",
	.in_max = 2 * LIMIT_AUTH_LINE,
	.out_max = LIMIT_AUTH_PENDING * LIMIT_AUTH_LINE,
	.input = on_input,
	.gone = on_gone,
};

struct auth_server *
auth_server_new(struct service *svc, struct loop *loop, struct auth_core *core, struct refresh *refresh,
	struct spaces *spaces)
{
	struct auth_server *s = mem_new(sizeof(*s));

	s->svc = svc;
	s->loop = loop;
	s->core = core;
	s->refresh = refresh;
	s->spaces = spaces;
	return s;
}

static void
say_hello(struct connection *n)
{
	struct buf out;

	buf_init(&out, 1024);
	buf_text_put(&out, "VERSION\t1\t2\n");
	for (size_t i = 0; mechanisms[i] != NULL; i++) {
		/* Announced only where secrets are kept: clients take the strongest and do not fall back. */
		if (mechanisms[i]->is_offered != NULL && !mechanisms[i]->is_offered(n->server->core))
			continue;
		buf_printf(&out, "MECH\t%s%s%s\n", mechanisms[i]->name, mechanisms[i]->parameters[0] != '\0' ? "\t" : "",
			mechanisms[i]->parameters);
	}
	buf_printf(&out, "SPID\t%u\nCUID\t%u\nCOOKIE\t%016llx%016llx\nDONE\n", (unsigned)getpid(),
		++n->server->connections, (unsigned long long)random_u64(), (unsigned long long)random_u64());
	client_send(n->client, buf_view(&out));
	buf_free(&out);
}

void
auth_server_client(struct auth_server *s, int fd)
{
	struct connection *n = mem_new(sizeof(*n));

	n->server = s;
	n->client = client_new(s->svc, s->loop, fd, &kind, n);
	if (n->client == NULL)
		free(n);
	else
		say_hello(n);
}
