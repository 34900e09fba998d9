/*
 * filter: one step of the session asked of every milter.
 *
 * State of a milter in a session: OFF (not connected, or failed, or it
 * accepted the whole session), IDLE (between messages), BUSY (in a message),
 * PASSED (it accepted this message and is asked no more about it).
 */
#include "base/base.h"
#include "smtp.h"
#include "filter.h"
#include "edit.h"
#include "check/milter.h"
#include "mail/header.h"
#include <errno.h>

enum state { OFF, IDLE, BUSY, PASSED };

struct filter {
	const struct config_milter *config;
	struct milter *milter;		/* NULL: to be connected */
	enum state state;
	bool failed;			/* in this session: failMode decides */
};

struct filters {
	struct smtp *c;			/* the session being served; for macros */
	const struct smtp_rcpt *rcpt;	/* while RCPT is asked about */
	char text[64];			/* the last macro that had to be printed */
	size_t count;
	struct filter list[];
};

struct filters *
filters_new(const struct config *config)
{
	struct filters *f;

	if (config->milter_count == 0)
		return NULL;
	f = mem_new(sizeof(*f) + config->milter_count * sizeof(f->list[0]));
	f->count = config->milter_count;
	for (size_t i = 0; i < f->count; i++)
		f->list[i].config = &config->milters[i];
	return f;
}

static const char *
print(struct filters *f, const char *fmt, ...) PB_PRINTF(2, 3);

static const char *
print(struct filters *f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f->text, sizeof(f->text), fmt, ap);
	va_end(ap);
	return f->text;
}

/* Macros of the connection. */
static const char *
connection_macro(struct filters *f, const char *name)
{
	struct smtp *c = f->c;
	char ip[ADDR_TEXT_MAX];

	if (strcmp(name, "j") == 0)
		return c->host;
	if (strcmp(name, "v") == 0)
		return PACKAGE_STRING;
	if (strcmp(name, "{daemon_name}") == 0)
		return c->s->listener;
	if (strcmp(name, "{client_addr}") == 0)
		return c->s->ip;
	if (strcmp(name, "{client_name}") == 0 || strcmp(name, "_") == 0)
		return print(f, "[%s]", c->s->ip);
	if (strcmp(name, "{client_port}") == 0)
		return print(f, "%u", c->s->peer.port);
	if (strcmp(name, "{if_addr}") == 0)
		return print(f, "%s", addr_print(&c->s->local, ip, sizeof(ip)));
	if (strcmp(name, "{tls_version}") == 0)
		return c->s->tls ? "TLS" : NULL;
	return NULL;
}

/* Macros of the message. */
static const char *
message_macro(struct filters *f, const char *name)
{
	struct smtp *c = f->c;

	if (strcmp(name, "i") == 0)
		return c->t.is_open ? print(f, "%llu", (unsigned long long)c->w->held_id) : NULL;
	if (strcmp(name, "{auth_authen}") == 0)
		return c->user[0] != '\0' ? c->user : NULL;
	if (strcmp(name, "{auth_type}") == 0)
		return c->user[0] != '\0' ? c->mechanism : NULL;
	if (strcmp(name, "{mail_addr}") == 0)
		return c->t.is_open ? c->t.mail.from.text : NULL;
	if (strcmp(name, "{rcpt_addr}") == 0)
		return f->rcpt != NULL ? f->rcpt->to.text : NULL;
	return NULL;
}

static const char *
find_macro(void *ctx, const char *name)
{
	const char *value = connection_macro(ctx, name);

	return value != NULL ? value : message_macro(ctx, name);
}

static void
drop(struct filter *f)
{
	milter_free(&f->milter);
	f->state = OFF;
}

static void
fail(struct smtp *c, struct filter *f, const char *why)
{
	log_failure(c->s->svc, c->s->ticket, c->s->ip, "event=milter-failed socket=%s why=\"%s\"",
		    f->config->socket, why);
	drop(f);
	f->failed = true;
}

/* Ready for a session: connected and agreed. */
static void
open_filter(struct smtp *c, struct filter *f)
{
	int fd;

	f->failed = false;
	f->state = IDLE;
	if (f->milter != NULL)
		return;
	fd = contact_connect(c->s->svc, f->config->contact);
	if (fd < 0) {
		fail(c, f, strerror(errno));
		return;
	}
	f->milter = milter_new(fd, f->config->timeout_ms, find_macro, c->w->filters);
	if (milter_negotiate(f->milter) != MILTER_CONTINUE)
		fail(c, f, milter_error(f->milter));
}

/* What a milter that cannot be asked means for a message. */
static bool
fail_mode_allows(const struct filter *f, struct verdict *out)
{
	if (!f->failed || f->config->fail_mode == FAIL_ACCEPT)
		return true;
	if (f->config->fail_mode == FAIL_TEMPFAIL)
		*out = verdict_make(451, "4.7.1", "A content filter is not available, try again later");
	else
		*out = verdict_make(550, "5.7.1", "A content filter is not available");
	return false;
}

/*
 * Take a milter's answer to a step.  True: go on.  False: *out says what to
 * reply; code 0 means that the message is to be discarded.
 */
static bool
take(struct smtp *c, struct filter *f, enum milter_outcome o, struct verdict *out)
{
	bool in_message = f->state == BUSY;

	switch (o) {
	case MILTER_CONTINUE:
		return true;
	case MILTER_ACCEPT:
		f->state = in_message ? PASSED : OFF;
		return true;
	case MILTER_DISCARD:
		*out = (struct verdict){ .code = 0 };
		return false;
	case MILTER_REFUSED:
		*out = *milter_verdict(f->milter);
		return false;
	case MILTER_FAILED:
	default:
		/* Before MAIL nothing is refused for it: MAIL asks fail_mode_allows. */
		fail(c, f, milter_error(f->milter));
		return !in_message || fail_mode_allows(f, out);
	}
}

/* Say no as the milter wants it; 421 also ends the session (RFC 5321 3.8). */
static bool
refuse(struct smtp *c, const struct filter *f, const char *step, const struct verdict *v)
{
	smtp_log(c, "event=milter-refused socket=%s step=%s code=%d status=%s", f->config->socket, step,
		 v->code, v->status);
	reply_verdict(c, v);
	if (v->code == 421)
		c->over = true;
	return false;
}

static struct filters *
filters_of(struct smtp *c)
{
	if (c->w->filters != NULL)
		c->w->filters->c = c;
	return c->w->filters;
}

/* Connect when needed, and tell of the client. */
static enum milter_outcome
begin_session(struct smtp *c, struct filter *f)
{
	bool kept = f->milter != NULL;
	enum milter_outcome o = MILTER_CONTINUE;
	char host[ADDR_TEXT_MAX + 2];

	snprintf(host, sizeof(host), "[%s]", c->s->ip);
	open_filter(c, f);
	if (f->state != OFF)
		o = milter_connect(f->milter, span_of(host), &c->s->peer);
	if (o != MILTER_FAILED || !kept)
		return o;
	/* The milter was restarted since the last session, or was tired of waiting. */
	drop(f);
	open_filter(c, f);
	return f->state == OFF ? MILTER_CONTINUE : milter_connect(f->milter, span_of(host), &c->s->peer);
}

bool
filter_connect(struct smtp *c)
{
	struct filters *all = filters_of(c);
	struct verdict v;

	for (size_t i = 0; all != NULL && i < all->count; i++) {
		struct filter *f = &all->list[i];

		/* A discard of a session that has no message yet means nothing. */
		if (!take(c, f, begin_session(c, f), &v) && v.code != 0)
			return refuse(c, f, "connect", &v);
	}
	return true;
}

bool
filter_helo(struct smtp *c)
{
	struct filters *all = filters_of(c);
	struct verdict v;

	for (size_t i = 0; all != NULL && i < all->count; i++) {
		struct filter *f = &all->list[i];

		if (f->state == OFF)
			continue;
		if (!take(c, f, milter_helo(f->milter, span_of(c->helo)), &v) && v.code != 0)
			return refuse(c, f, "helo", &v);
	}
	return true;
}

/* "<address>" and the parameters behind it. */
static void
split_path(const struct smtp_path *path, struct span args, struct buf *text, struct span *params)
{
	ssize_t end = span_find(args, '>');

	buf_printf(text, "<%s>", path->text);
	/* A ">" inside a quoted local part: the parameters are those after the last one. */
	while (end >= 0 && (size_t)end + 1 < args.n && args.p[end + 1] != ' ') {
		ssize_t more = span_find(span_from(args, (size_t)end + 1), '>');

		end = more < 0 ? -1 : end + 1 + more;
	}
	*params = end >= 0 ? span_from(args, (size_t)end + 1) : SPAN_NONE;
}

bool
filter_mail(struct smtp *c, struct span args)
{
	struct filters *all = filters_of(c);
	char storage[LIMIT_ADDRESS + 4];
	struct buf path;
	struct span params;
	struct verdict v;

	buf_init_fixed(&path, storage, sizeof(storage));
	split_path(&c->t.mail.from, args, &path, &params);
	for (size_t i = 0; all != NULL && i < all->count; i++) {
		struct filter *f = &all->list[i];

		if (!fail_mode_allows(f, &v))
			return refuse(c, f, "mail", &v);
		if (f->state == OFF)
			continue;
		f->state = BUSY;
		if (take(c, f, milter_mail(f->milter, buf_view(&path), params), &v))
			continue;
		if (v.code != 0)
			return refuse(c, f, "mail", &v);
		c->t.discard = true;
	}
	return true;
}

bool
filter_rcpt(struct smtp *c, const struct smtp_rcpt *rcpt, struct span args)
{
	struct filters *all = filters_of(c);
	char storage[LIMIT_ADDRESS + 4];
	struct buf path;
	struct span params;
	struct verdict v = { .code = 1 };
	bool good = true;

	if (all == NULL)
		return true;
	buf_init_fixed(&path, storage, sizeof(storage));
	split_path(&rcpt->to, args, &path, &params);
	all->rcpt = rcpt;
	for (size_t i = 0; good && i < all->count; i++) {
		struct filter *f = &all->list[i];

		if (f->state != BUSY)
			continue;
		good = take(c, f, milter_rcpt(f->milter, buf_view(&path), params), &v);
		if (!good && v.code != 0) {
			refuse(c, f, "rcpt", &v);
		} else if (!good) {
			c->t.discard = true;
			good = true;
		}
	}
	all->rcpt = NULL;
	return good;
}

/* The header section as it would be written now, field by field. */
static enum milter_outcome
send_header(struct smtp *c, struct filter *f)
{
	struct span rest = edit_header(&c->w->message);
	enum milter_outcome o = milter_data(f->milter);
	struct header_field field;

	while (o == MILTER_CONTINUE && header_next(&rest, &field))
		if (field.valid)
			o = milter_header(f->milter, field.name, field.value);
	return o == MILTER_CONTINUE ? milter_eoh(f->milter) : o;
}

static enum milter_outcome
send_body(struct smtp *c, struct filter *f)
{
	char *piece = mem_new(65536);
	enum milter_outcome o = MILTER_CONTINUE;
	uint64_t at = 0;
	bool enough = false;
	ssize_t n = 1;

	while (o == MILTER_CONTINUE && !enough && n > 0) {
		n = edit_read_body(&c->w->message, at, piece, 65535);
		if (n > 0) {
			o = milter_body(f->milter, span_make(piece, (size_t)n), &enough);
			at += (uint64_t)n;
		}
	}
	free(piece);
	return n < 0 ? MILTER_FAILED : o;
}

/* Everything of the message to one milter; edits are made as they come. */
static bool
ask_about_message(struct smtp *c, struct filter *f, struct verdict *out)
{
	struct milter_edits edits;
	enum milter_outcome o = send_header(c, f);

	edit_begin(&c->w->message, &edits);
	if (o == MILTER_CONTINUE)
		o = send_body(c, f);
	if (o == MILTER_CONTINUE)
		o = milter_end(f->milter, &edits);
	/* Changes of a milter that then failed or refused are not made. */
	edit_end(&c->w->message, &edits, o == MILTER_CONTINUE || o == MILTER_ACCEPT);
	if (f->milter != NULL && f->state == BUSY && o != MILTER_FAILED)
		f->state = IDLE;
	if (o == MILTER_ACCEPT)
		return true;
	return take(c, f, o, out);
}

enum filter_result
filter_message(struct smtp *c, struct verdict *out)
{
	struct filters *all = filters_of(c);

	for (size_t i = 0; all != NULL && i < all->count; i++) {
		struct filter *f = &all->list[i];

		if (f->state != BUSY || ask_about_message(c, f, out))
			continue;
		if (out->code == 0)
			return FILTER_DISCARD;
		smtp_log(c, "event=milter-refused socket=%s step=message code=%d status=%s",
			 f->config->socket, out->code, out->status);
		return FILTER_REFUSED;
	}
	return c->t.discard ? FILTER_DISCARD : FILTER_PASS;
}

void
filter_abort(struct smtp *c)
{
	struct filters *all = filters_of(c);

	for (size_t i = 0; all != NULL && i < all->count; i++) {
		struct filter *f = &all->list[i];

		if (f->state != BUSY && f->state != PASSED)
			continue;
		milter_abort(f->milter);
		f->state = IDLE;
	}
}

void
filter_end(struct smtp *c)
{
	struct filters *all = filters_of(c);

	for (size_t i = 0; all != NULL && i < all->count; i++) {
		struct filter *f = &all->list[i];

		if (f->milter != NULL && !milter_quit(f->milter))
			drop(f);
		f->state = OFF;
	}
	if (all != NULL)
		all->c = NULL;
}
