/*
 * filter: the milters of a session, and what is asked of every one outside a
 * message; filter_envelope.c asks about its envelope, filter_message.c about the
 * message itself.
 */
#include "base/base.h"
#include "facts.h"
#include "filter_private.h"
#include <errno.h>

struct filters *
filters_new(const struct config *config)
{
	struct filters *f;

	if (config->milter_count == 0)
		return NULL;
	f = mem_new(sizeof(*f) + config->milter_count * sizeof(f->list[0]));
	f->count = config->milter_count;
	buf_init(&f->words, LIMIT_SMTP_REPLY_TEXT);
	for (size_t i = 0; i < f->count; i++)
		f->list[i].config = &config->milters[i];
	return f;
}

static void
drop(struct filter *f)
{
	milter_free(&f->milter);
	f->state = FILTER_OFF;
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

	f->failed = f->is_told = false;
	f->state = FILTER_IDLE;
	if (f->milter != NULL)
		return;
	fd = contact_connect(c->s->svc, f->config->contact);
	if (fd < 0) {
		fail(c, f, strerror(errno));
		return;
	}
	f->milter = milter_new(fd, f->config->timeout_ms, filter_macro, c->w->filters);
	if (milter_negotiate(f->milter) != MILTER_CONTINUE)
		fail(c, f, milter_error(f->milter));
}

bool
filter_may_pass(struct smtp *c, struct filter *f, struct verdict *out)
{
	char storage[FACTS_WHY_SIZE];
	struct verdict v;
	struct buf why;

	if (!f->failed)
		return true;
	buf_init_fixed(&why, storage, sizeof(storage));
	v = policy_unasked(POLICY_MILTER, span_of(f->config->socket), f->config->fail_mode, &why);
	if (v.kind == VERDICT_OK && f->is_told)
		return true;
	f->is_told = true;
	if (smtp_decided(c, "milter", &why, &v))
		return true;
	*out = v;
	return false;
}

bool
filter_take(struct smtp *c, struct filter *f, enum milter_outcome o, struct verdict *out)
{
	bool in_message = f->state == FILTER_BUSY;

	switch (o) {
	case MILTER_CONTINUE:
		return true;
	case MILTER_ACCEPT:
		f->state = in_message ? FILTER_PASSED : FILTER_OFF;
		return true;
	case MILTER_DISCARD:
		/* libmilter then waits for the next message, and would answer nothing about this one. */
		if (in_message)
			f->state = FILTER_PASSED;
		*out = (struct verdict){ .code = 0 };
		return false;
	case MILTER_REFUSED:
		*out = *milter_verdict(f->milter);
		buf_clear(&c->w->filters->words);
		buf_span(&c->w->filters->words, milter_text(f->milter));
		return false;
	case MILTER_FAILED:
	default:
		/* Before MAIL nothing is refused for it: MAIL asks filter_may_pass. */
		fail(c, f, milter_error(f->milter));
		return !in_message || filter_may_pass(c, f, out);
	}
}

void
filter_reply(struct smtp *c, const struct verdict *v)
{
	struct filters *all = c->w->filters;

	if (all != NULL && all->words.n > 0) {
		buf_printf(&all->words, " ticket %s", c->s->ticket);
		reply_lines(c, v->code, v->status, buf_view(&all->words));
		buf_clear(&all->words);
	} else {
		reply_verdict(c, v);
	}
	if (v->code == 421)
		c->over = true;
}

bool
filter_refuse(struct smtp *c, const struct filter *f, const char *step, const struct verdict *v)
{
	smtp_log(c, "event=milter-refused socket=%s step=%s code=%d status=%s", f->config->socket, step,
		 v->code, v->status);
	filter_reply(c, v);
	return false;
}

struct filters *
filters_of(struct smtp *c)
{
	if (c->dry)
		return NULL;	/* a milter may learn from what it is told */
	if (c->w->filters != NULL) {
		c->w->filters->c = c;
		buf_clear(&c->w->filters->words);
	}
	return c->w->filters;
}

/* Connect when needed, and tell of the client. */
static enum milter_outcome
begin_session(struct smtp *c, struct filter *f)
{
	bool kept = f->milter != NULL;
	enum milter_outcome o = MILTER_CONTINUE;
	char host[LIMIT_DOMAIN + 1];

	if (c->peer.name[0] != '\0')
		snprintf(host, sizeof(host), "%s", c->peer.name);
	else
		snprintf(host, sizeof(host), "[%s]", c->s->ip);
	open_filter(c, f);
	if (f->state != FILTER_OFF)
		o = milter_connect(f->milter, span_of(host), &c->s->peer);
	if (o != MILTER_FAILED || !kept)
		return o;
	/* The milter was restarted since the last session, or was tired of waiting. */
	drop(f);
	open_filter(c, f);
	return f->state == FILTER_OFF ? MILTER_CONTINUE : milter_connect(f->milter, span_of(host), &c->s->peer);
}

bool
filter_connect(struct smtp *c)
{
	struct filters *all = filters_of(c);
	struct verdict v;

	for (size_t i = 0; all != NULL && i < all->count; i++) {
		struct filter *f = &all->list[i];

		/* A discard of a session that has no message yet means nothing. */
		if (!filter_take(c, f, begin_session(c, f), &v) && v.code != 0)
			return filter_refuse(c, f, "connect", &v);
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

		if (f->state == FILTER_OFF)
			continue;
		if (!filter_take(c, f, milter_helo(f->milter, span_of(c->helo)), &v) && v.code != 0)
			return filter_refuse(c, f, "helo", &v);
	}
	return true;
}

bool
filter_unknown(struct smtp *c, struct span line)
{
	struct filters *all = filters_of(c);
	struct verdict v;

	for (size_t i = 0; all != NULL && i < all->count; i++) {
		struct filter *f = &all->list[i];
		enum filter_state before = f->state;
		enum milter_outcome o;

		if (before != FILTER_IDLE && before != FILTER_BUSY)
			continue;
		o = milter_unknown(f->milter, line);
		/* One that fails has no words for it; what follows in the message is refused. */
		if (!filter_take(c, f, o, &v) && v.code != 0 && !f->failed)
			return filter_refuse(c, f, "unknown", &v);
		c->t.discard = c->t.discard || (before == FILTER_BUSY && o == MILTER_DISCARD);
		/* Between messages there is nothing to accept: it has no objection to the line. */
		if (before == FILTER_IDLE && !f->failed)
			f->state = before;
	}
	return true;
}

void
filter_abort(struct smtp *c)
{
	struct filters *all = filters_of(c);

	for (size_t i = 0; all != NULL && i < all->count; i++) {
		struct filter *f = &all->list[i];

		if (f->state != FILTER_BUSY && f->state != FILTER_PASSED)
			continue;
		milter_abort(f->milter);
		f->state = FILTER_IDLE;
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
		f->state = FILTER_OFF;
	}
	if (all != NULL)
		all->c = NULL;
}
