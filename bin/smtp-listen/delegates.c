/* delegates: see delegates.h. */
#include "base/base.h"
#include "delegates.h"
#include "check/delegate.h"
#include "delegate_request.h"
#include "facts.h"
#include "smtp.h"
#include <errno.h>

struct delegate {
	const struct config_milter *config;
	struct stream io;
	bool is_open;
};

struct delegates {
	struct buf request, answer;
	size_t count;
	struct delegate list[];
};

struct delegates *
delegates_new(const struct config *config)
{
	struct delegates *d;

	if (config->delegate_count == 0)
		return NULL;
	d = mem_new(sizeof(*d) + config->delegate_count * sizeof(d->list[0]));
	d->count = config->delegate_count;
	delegate_buffers(&d->request, &d->answer);
	for (size_t i = 0; i < d->count; i++)
		d->list[i].config = &config->delegates[i];
	return d;
}

static void
close_delegate(struct delegate *d)
{
	if (d->is_open)
		stream_close(&d->io);
	d->is_open = false;
}

/* NULL, or why it could not be asked.  A connection that was kept may have ended: once more anew. */
static const char *
ask(struct smtp *c, struct delegate *d, struct delegate_answer *out)
{
	struct delegates *all = c->w->delegates;
	const char *why = NULL;

	for (bool kept = true; kept;) {
		kept = d->is_open;
		if (!kept) {
			int fd = contact_connect(c->s->svc, d->config->contact);

			if (fd < 0)
				return strerror(errno);
			stream_init(&d->io, fd, LIMIT_DELEGATE_ANSWER + 2);
			d->is_open = true;
		}
		why = delegate_ask(&d->io, &all->request, d->config->timeout_ms, &all->answer, out);
		if (why == NULL)
			return NULL;
		close_delegate(d);
	}
	return why;
}

/* The next one is asked when it cannot be and failMode accepts that. */
static struct verdict
fail_verdict(struct smtp *c, const struct config_milter *config)
{
	char storage[FACTS_WHY_SIZE];
	struct verdict v;
	struct buf why;

	buf_init_fixed(&why, storage, sizeof(storage));
	v = policy_unasked(POLICY_SERVER, span_of(config->socket), config->fail_mode, &why);
	(void)smtp_decided(c, "policy-server", &why, &v);
	return v;
}

/* A field to stand above the message, unless that would be more than we add. */
static void
keep_field(struct smtp *c, struct span field)
{
	const char *before = c->t.prepend != NULL ? c->t.prepend : "";
	size_t n = strlen(before) + field.n + 2;
	char *text = n <= LIMIT_DELEGATE_ANSWER ? arena_get(c->t.arena, n + 1) : NULL;

	if (text == NULL) {
		smtp_log(c, "event=policy-field-left-out");
		return;
	}
	snprintf(text, n + 1, "%.*s\r\n%s", SPAN_ARG(field), before);
	c->t.prepend = text;
}

/* True: ask the next one.  Else *out is the verdict.  *later is that of DEFER_IF_REJECT. */
static bool
take(struct smtp *c, const struct delegate *d, const struct delegate_answer *a, struct verdict *out, struct verdict *later)
{
	switch (a->kind) {
	case DELEGATE_OK:
		return false;
	case DELEGATE_REFUSED:
		*out = a->verdict;
		smtp_log(c, "event=policy-refused socket=%s code=%d status=%s", d->config->socket, out->code, out->status);
		return false;
	case DELEGATE_DEFER_IF_REJECT:
		*later = a->verdict;
		return true;
	case DELEGATE_DISCARD:
		c->t.discard = true;
		return true;
	case DELEGATE_HOLD:
		c->t.hold = true;
		return true;
	case DELEGATE_PREPEND:
		keep_field(c, a->text);
		return true;
	case DELEGATE_DUNNO:
		break;
	}
	return true;
}

/* All servers of that state in their order, until one has an opinion. */
static struct verdict
ask_all(struct smtp *c, enum config_delegate_state state, const struct smtp_rcpt *rcpt)
{
	struct delegates *all = c->w->delegates;
	struct verdict v = verdict_make(250, "2.0.0", "OK"), later = v;
	bool next = all != NULL && !c->dry;

	if (c->dry)
		try_not_asked_server(c, state);
	if (next)
		delegate_request(c, state, rcpt, &all->request);
	for (size_t i = 0; next && i < all->count; i++) {
		struct delegate *d = &all->list[i];
		struct delegate_answer answer;
		const char *why;

		if (d->config->state != state)
			continue;
		why = ask(c, d, &answer);
		if (why == NULL) {
			next = take(c, d, &answer, &v, &later);
			continue;
		}
		log_failure(c->s->svc, c->s->ticket, c->s->ip, "event=policy-failed socket=%s why=\"%s\"",
			d->config->socket, why);
		v = fail_verdict(c, d->config);
		next = v.kind == VERDICT_OK;
	}
	if (v.kind == VERDICT_PERM && later.kind == VERDICT_TEMP)
		v = later;
	return v;
}

/* False: replied; 421 also ends the session. */
static bool
tell(struct smtp *c, const struct verdict *v)
{
	if (v->kind != VERDICT_OK)
		reply_verdict(c, v);
	c->over = c->over || v->code == 421;
	return v->kind == VERDICT_OK;
}

bool
delegates_allow(struct smtp *c, const struct smtp_rcpt *rcpt)
{
	struct verdict v = ask_all(c, DELEGATE_AT_RCPT, rcpt);

	return tell(c, &v);
}

bool
delegates_data(struct smtp *c)
{
	struct verdict v = ask_all(c, DELEGATE_AT_DATA, NULL);

	return tell(c, &v);
}

struct verdict
delegates_message(struct smtp *c)
{
	return ask_all(c, DELEGATE_AT_END, NULL);
}
