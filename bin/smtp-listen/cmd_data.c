/*
 * cmd_data: DATA, from 354 to the answer that makes us responsible (RFC 5321
 * 4.1.1.4, 4.2.5).
 *
 * Stages: trace fields - receive - check (data_check.c) - milters - write and
 * commit (data_store.c).  250 is said only when intake has promised the message.
 * Until then dying loses nothing that anybody was promised.
 */
#include "base/base.h"
#include "smtp.h"
#include "data.h"
#include "delegates.h"
#include "edit.h"
#include "filter.h"
#include "base/die.h"
#include "mail/date.h"
#include "mail/header.h"
#include "smtp/data.h"
#include "sys/clock.h"

/* RFC 3848. */
static const char *
with_protocol(const struct smtp *c)
{
	if (c->t.mail.smtputf8)		/* RFC 6531 4.3 */
		return c->s->tls ? c->user[0] != '\0' ? "UTF8SMTPSA" : "UTF8SMTPS" :
			c->user[0] != '\0' ? "UTF8SMTPA" : "UTF8SMTP";
	if (!c->esmtp)
		return "SMTP";
	if (c->s->tls)
		return c->user[0] != '\0' ? "ESMTPSA" : "ESMTPS";
	return c->user[0] != '\0' ? "ESMTPA" : "ESMTP";
}

bool
data_has_received_line(const struct smtp *c)
{
	return c->config->received != RECEIVED_NONE &&
	       (c->config->received != RECEIVED_AUTHENTICATED || c->user[0] != '\0');
}

static void
put_received(struct smtp *c)
{
	const bool hidden = c->config->hides_client && c->user[0] != '\0';
	struct message *m = &c->w->message;
	int64_t now = clock_wall_ms() / 1000;
	char id[24], ip[ADDR_TEXT_MAX + 8] = "", tls_text[128], uid[32] = "";
	struct buf tls;
	struct trace_received r = {
		.helo = span_of(c->helo), .by = span_of(c->host), .with = span_of(with_protocol(c)),
		.date = now, .zone = date_local_zone(now),
	};

	snprintf(id, sizeof(id), "%llu", (unsigned long long)c->w->held_id);
	if (c->s->is_local)
		snprintf(uid, sizeof(uid), "uid %u", (unsigned)c->s->peer_uid);
	else if (hidden)
		r.helo = span_of(c->host);	/* HELO may hold the address too */
	else {
		r.host = span_of(c->peer.name);
		snprintf(ip, sizeof(ip), "%s%s", c->s->peer.family == AF_INET6 ? "IPv6:" : "", c->s->ip);
	}
	buf_init_fixed(&tls, tls_text, sizeof(tls_text));
	if (c->s->tls)
		(void)tls_describe(&c->s->io, &tls);
	r.id = span_of(id);
	r.ip = span_of(ip);
	r.comment = span_of(uid);
	r.tls = buf_view(&tls);
	if (c->t.count == 1)
		r.recipient = span_of(c->t.rcpts[0].address);
	trace_received(&r, &m->trace);
}

void
data_begin(struct smtp *c)
{
	struct buf *trace = &c->w->message.trace;

	trace_return_path(smtp_path_view(&c->t.mail.from), trace);
	if (data_has_received_line(c))
		put_received(c);
	if (c->user[0] != '\0' && c->config->authenticated_as[0] != '\0')
		trace_authenticated_as(span_of(c->config->authenticated_as), span_of(c->user), trace);
}

bool
data_is_kept(const struct smtp *c, const struct smtp_data *d)
{
	const struct message *m = &c->w->message;

	return d->flaws == 0 && m->flaw == TRACE_OK &&
	       m->size <= c->config->most_bytes;
}

void
data_keep(struct smtp *c, size_t n)
{
	struct worker *w = c->w;

	if (c->dry && w->message.text.n + n > LIMIT_MESSAGE_MEMORY) {
		w->message.size += n;	/* of what is not stored only the beginning is looked at */
		return;
	}
	if (message_take(&w->message, n, w->held_fd)) {
		w->held_fd = -1;
		message_scan(&w->message, span_of(c->host));
	}
}

static void
take_piece(struct smtp *c, struct smtp_data *d)
{
	struct worker *w = c->w;
	struct span in = span_first(stream_peek(&c->s->io), DATA_PIECE);
	char *room = message_room(&w->message, 2 * DATA_PIECE + 2);
	size_t n, used;

	used = smtp_data_feed(d, in.p, in.n, room, &n);
	stream_skip(&c->s->io, used);
	data_came(c, used);
	if (data_is_kept(c, d))
		data_keep(c, n);
}

/* False: the connection ended first; nothing was received. */
static bool
receive(struct smtp *c, struct smtp_data *d)
{
	enum stream_result r = LINE_OK;

	data_start_clock(c);
	smtp_data_begin(d, c->config->max_line, c->config->normalize);
	while (!d->done && r == LINE_OK) {
		r = data_wait(c);
		if (r == LINE_OK)
			take_piece(c, d);
	}
	if (r != LINE_OK)
		data_lost(c, r);
	return r == LINE_OK;
}

/* RFC 5322 3.6.3: nobody sees whom a blind copy went to. */
static void
drop_blind(struct message *m, const char *name)
{
	size_t n = header_count(edit_header(m), name);
	struct milter_edits edits;
	bool good = true;

	if (n == 0)
		return;
	edit_begin(m, &edits);
	for (; n > 0 && good; n--)
		good = edits.change(edits.ctx, (uint32_t)n, span_of(name), SPAN_NONE);
	if (!edit_end(m, &edits, true))
		bug("a header without a field is larger than with it");
}

/* RFC 6409 8: what a submission lacks is added, and what it should not tell is taken out. */
static void
complete(struct smtp *c)
{
	struct message *m = &c->w->message;
	int64_t now = clock_wall_ms() / 1000;

	if (!c->needs_login && !c->s->is_local && c->user[0] == '\0')
		return;
	drop_blind(m, "Bcc");
	drop_blind(m, "Resent-Bcc");
	if (!c->needs_login && !c->s->is_local)
		return;
	if (!m->found.has_date)
		trace_add_date(now, date_local_zone(now), &m->added);
	if (!m->found.has_message_id)
		trace_add_message_id(now, span_of(c->s->ticket), span_of(c->host), &m->added);
}

/* What policy servers said about the whole message. */
static void
heed_delegates(struct smtp *c)
{
	struct message *m = &c->w->message;

	if (c->t.prepend != NULL)
		buf_text_put(&m->added, c->t.prepend);
	if (c->t.hold)
		snprintf(m->quarantine, sizeof(m->quarantine), "held by a policy server");
}

/*
 * Messages of those we relay for are counted (ABUSE-10), but for what the server
 * itself has to say: that comes from this machine, and from nobody.
 */
static void
count_message(struct smtp *c)
{
	bool is_own = c->s->is_local && smtp_path_view(&c->t.mail.from).n == 0;

	if (!c->dry && (c->user[0] != '\0' || (c->is_trusted && !is_own)))
		abuse_message(c->w->abuse, "smtp", c->s->ip, span_of(c->user), c->w->message.size);
}

/* Everything between the last dot and the verdict. */
static struct verdict
process(struct smtp *c, const struct smtp_data *d)
{
	char storage[LIMIT_ADDRESS + 1];
	struct buf from;
	struct verdict v = data_check_flaws(c, d);

	if (v.kind != VERDICT_OK)
		return v;
	if (!c->w->message.spilled)
		message_scan(&c->w->message, span_of(c->host));
	v = data_check_header(c);
	if (v.kind != VERDICT_OK)
		return v;
	v = origin_check(c);
	if (v.kind != VERDICT_OK)
		return v;
	buf_init_fixed(&from, storage, sizeof(storage));
	data_find_from(c, &from);
	v = data_check_from(c, buf_view(&from));
	if (v.kind != VERDICT_OK)
		return v;
	complete(c);
	v = delegates_message(c);
	if (v.kind != VERDICT_OK)
		return v;
	heed_delegates(c);
	v = data_check_room(c);
	if (v.kind != VERDICT_OK)
		return v;
	switch (filter_message(c, &v)) {
	case FILTER_PASS:
		return data_store(c, buf_view(&from));
	case FILTER_DISCARD:
		smtp_log_address(c, "event=message-discarded", "from", c->t.mail.from.text, "");
		return verdict_make(250, "2.0.0", "OK");
	case FILTER_REFUSED:
	default:
		return v;
	}
}

void
data_give_up(struct smtp *c)
{
	if (!c->w->message.spilled)
		return;
	message_reset(&c->w->message);
	if (intake_abort(c->w->intake) != 0)
		c->s->ends_worker = true;
}

static void
log_refusal(struct smtp *c, const struct verdict *v)
{
	char storage[4 * VERDICT_TEXT_MAX + 4 * LIMIT_LOG_COMMAND + 64];
	struct buf rest;

	buf_init_fixed(&rest, storage, sizeof(storage));
	log_value(&rest, "text", span_of(v->text));	/* a milter's own words, perhaps */
	if (c->w->message.flaw == TRACE_OK)
		data_log_message_id(&c->w->message, &rest);
	smtp_log(c, "event=message-refused code=%d status=%s%s", v->code, v->status, buf_text(&rest));
}

static void
finish(struct smtp *c, const struct verdict *v)
{
	if (v->kind == VERDICT_OK) {
		c->messages++;
		c->moved_ms = clock_ms();
		c->junk = 0;
		refusals_forget(c);
		count_message(c);
		reply(c, 250, "2.0.0", "OK id=%llu", (unsigned long long)c->w->held_id);
	} else if (c->t.lost_intake) {
		reply_lost(c, "intake");
	} else {
		log_refusal(c, v);
		filter_reply(c, v);
	}
}

void
data_end(struct smtp *c, const struct smtp_data *d)
{
	struct verdict v = process(c, d);

	finish(c, &v);		/* which tells and counts what the message was */
	transaction_reset(c);
	if (!stream_buffered_input(&c->s->io) && stream_flush(&c->s->io) == 0)
		smtp_hold_ahead(c);
}

void
cmd_data(struct smtp *c, struct span args PB_UNUSED)
{
	struct smtp_data d;

	if (c->t.mail.body == SMTP_BODY_BINARYMIME) {
		reply_bad(c, 503, "5.5.1", "A BINARYMIME message is sent by BDAT");
		return;
	}
	if (!smtp_hold_message(c))
		return;
	if (!delegates_data(c) || !filter_data(c)) {
		transaction_reset(c);
		return;
	}
	message_reset(&c->w->message);
	data_begin(c);
	session_show(c->s, "DATA", c->user);
	reply(c, 354, NULL, "End data with <CR><LF>.<CR><LF>");
	if (receive(c, &d))
		data_end(c, &d);
	else
		transaction_reset(c);
}
