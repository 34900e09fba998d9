/*
 * delegates: see delegates.h.  The attributes are those of
 * SMTPD_POLICY_README that are known at RCPT.
 */
#include "base/base.h"
#include "delegates.h"
#include "check/delegate.h"
#include "net/tls.h"
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
	buf_init(&d->request, LIMIT_DELEGATE_REQUEST);
	buf_init(&d->answer, LIMIT_DELEGATE_ANSWER);
	for (size_t i = 0; i < d->count; i++)
		d->list[i].config = &config->delegates[i];
	return d;
}

static void
put_number(struct buf *out, const char *name, uint64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)n);
	delegate_put(out, name, span_of(text));
}

static void
put_tls(struct smtp *c, struct buf *out)
{
	char storage[128];
	struct span rest, version;
	struct buf text;

	buf_init_fixed(&text, storage, sizeof(storage));
	if (!c->s->tls || !tls_describe(&c->s->io, &text))
		return;
	rest = buf_view(&text);
	version = span_word(&rest);
	(void)span_word(&rest);
	delegate_put(out, "encryption_protocol", version);
	delegate_put(out, "encryption_cipher", span_trim(rest));
	put_number(out, "encryption_keysize", (uint64_t)tls_cipher_bits(&c->s->io));
}

static struct span
name_of(const char *name)
{
	return name[0] != '\0' ? span_of(name) : SPAN("unknown");
}

static void
put_request(struct smtp *c, const struct smtp_rcpt *rcpt, struct buf *out)
{
	char ip[ADDR_TEXT_MAX], instance[64];

	snprintf(instance, sizeof(instance), "%s.%llu", c->s->ticket, (unsigned long long)c->w->held_id);
	buf_clear(out);
	delegate_put(out, "request", SPAN("smtpd_access_policy"));
	delegate_put(out, "protocol_state", SPAN("RCPT"));
	delegate_put(out, "protocol_name", c->esmtp ? SPAN("ESMTP") : SPAN("SMTP"));
	delegate_put(out, "client_address", span_of(c->s->ip));
	delegate_put(out, "client_name", name_of(c->peer.name));
	delegate_put(out, "reverse_client_name", name_of(c->peer.ptr));
	put_number(out, "client_port", c->s->peer.port);
	delegate_put(out, "server_address", span_of(addr_print(&c->s->local, ip, sizeof(ip))));
	put_number(out, "server_port", c->s->local.port);
	delegate_put(out, "helo_name", span_of(c->helo));
	delegate_put(out, "sender", smtp_path_view(&c->t.mail.from));
	delegate_put(out, "recipient", smtp_path_view(&rcpt->to));
	put_number(out, "recipient_count", 0);	/* known at the end of the message only */
	put_number(out, "queue_id", c->w->held_id);
	delegate_put(out, "instance", span_of(instance));
	put_number(out, "size", c->t.mail.has_size ? c->t.mail.size : 0);
	delegate_put(out, "sasl_username", span_of(c->user));
	delegate_put(out, "sasl_method", c->user[0] != '\0' ? span_of(c->mechanism) : SPAN(""));
	put_tls(c, out);
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

static struct verdict
fail_verdict(const struct config_milter *config)
{
	if (config->fail_mode == FAIL_TEMPFAIL)
		return verdict_make(451, "4.7.1", "A policy server is not available, try again later");
	if (config->fail_mode == FAIL_REJECT)
		return verdict_make(550, "5.7.1", "A policy server is not available");
	return verdict_make(250, "2.0.0", "OK");
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

/* True: ask the next one.  Else *out is the verdict. */
static bool
take(struct smtp *c, const struct delegate *d, const struct delegate_answer *a, struct verdict *out)
{
	switch (a->kind) {
	case DELEGATE_OK:
		return false;
	case DELEGATE_REFUSED:
		*out = a->verdict;
		smtp_log(c, "event=policy-refused socket=%s code=%d status=%s", d->config->socket, out->code, out->status);
		return false;
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

bool
delegates_allow(struct smtp *c, const struct smtp_rcpt *rcpt)
{
	struct delegates *all = c->w->delegates;
	struct verdict v = verdict_make(250, "2.0.0", "OK");
	bool next = true;

	if (all == NULL || c->dry)
		return true;
	put_request(c, rcpt, &all->request);
	for (size_t i = 0; next && i < all->count; i++) {
		struct delegate *d = &all->list[i];
		struct delegate_answer answer;
		const char *why = ask(c, d, &answer);

		if (why == NULL) {
			next = take(c, d, &answer, &v);
			continue;
		}
		log_failure(c->s->svc, c->s->ticket, c->s->ip, "event=policy-failed socket=%s why=\"%s\"",
			d->config->socket, why);
		v = fail_verdict(d->config);
		next = v.kind == VERDICT_OK;
	}
	if (v.kind != VERDICT_OK)
		reply_verdict(c, &v);
	c->over = c->over || v.code == 421;
	return v.kind == VERDICT_OK;
}
