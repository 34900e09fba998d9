/*
 * cmd_data: DATA, from 354 to the answer that makes us responsible (RFC 5321
 * 4.1.1.4, 4.2.5).
 *
 * Stages: trace fields - receive - check - milters - write - commit.  250 is
 * said only when intake has promised the message.  Until then dying loses
 * nothing that anybody was promised.
 */
#include "base/base.h"
#include "smtp.h"
#include "data.h"
#include "delegates.h"
#include "demands.h"
#include "edit.h"
#include "facts.h"
#include "filter.h"
#include "base/die.h"
#include "mail/address.h"
#include "mail/date.h"
#include "mail/header.h"
#include "smtp/data.h"
#include "sys/clock.h"
#include <errno.h>



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

/* The setting appendReceivedLine. */
static bool
has_received_line(const struct smtp *c)
{
	return c->config->received != RECEIVED_NONE &&
	       (c->config->received != RECEIVED_AUTHENTICATED || c->user[0] != '\0');
}

void
data_begin(struct smtp *c)
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

	trace_return_path(smtp_path_view(&c->t.mail.from), &m->trace);
	if (!has_received_line(c))
		return;
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

/* True while what comes is still worth keeping. */
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

struct verdict
data_check_size(struct smtp *c, uint64_t size)
{
	struct policy_size facts = { .size = size, .server_max = c->config->most_bytes,
		.user_max = c->t.user_max_size };
	char storage[FACTS_WHY_SIZE];
	struct buf why;
	struct verdict v;

	buf_init_fixed(&why, storage, sizeof(storage));
	v = policy_size(&facts, &why);
	(void)smtp_decided(c, "size", &why, &v);
	return v;
}

static struct verdict
check_text(struct smtp *c, const struct policy_text *facts)
{
	char storage[FACTS_WHY_SIZE];
	struct buf why;
	struct verdict v;

	buf_init_fixed(&why, storage, sizeof(storage));
	v = policy_text(facts, &why);
	(void)smtp_decided(c, "text", &why, &v);
	c->over |= v.code == 521;
	return v;
}

/* The verdict on the bytes alone. */
struct verdict
data_check_flaws(struct smtp *c, const struct smtp_data *d)
{
	struct policy_text facts = { .line_max = c->config->max_line,
		.bare_lf = (d->flaws & SMTP_FLAW_BARE_LF) != 0, .bare_cr = (d->flaws & SMTP_FLAW_BARE_CR) != 0,
		.nul = (d->flaws & SMTP_FLAW_NUL) != 0, .long_line = (d->flaws & SMTP_FLAW_LONG_LINE) != 0 };
	struct verdict v = check_text(c, &facts);

	return v.kind == VERDICT_OK ? data_check_size(c, c->w->message.size) : v;
}

struct verdict
data_unreadable_parts(struct smtp *c)
{
	struct policy_text facts = { .parts_unreadable = true };

	return check_text(c, &facts);
}

static struct verdict
check_trace(struct smtp *c)
{
	const struct message *m = &c->w->message;
	struct policy_trace facts = { m->found.received, c->config->max_hops, m->found.received_by_us, LIMIT_OWN_HOPS };
	char storage[FACTS_WHY_SIZE];
	struct buf why;
	struct verdict v;

	buf_init_fixed(&why, storage, sizeof(storage));
	v = policy_trace(&facts, &why);
	(void)smtp_decided(c, "trace", &why, &v);
	return v;
}

static struct verdict
check_header(struct smtp *c)
{
	const struct message *m = &c->w->message;
	struct policy_header facts = { m->flaw == TRACE_TOO_LARGE, m->flaw == TRACE_TOO_MANY_LINES,
		LIMIT_HEADER_BYTES, LIMIT_HEADER_LINES };
	char storage[FACTS_WHY_SIZE];
	struct buf why;
	struct verdict v;

	buf_init_fixed(&why, storage, sizeof(storage));
	v = policy_header(&facts, &why);
	return smtp_decided(c, "header", &why, &v) ? check_trace(c) : v;
}

/* The address in From, canonical; empty when there is none, or more than one. */
static void
find_from(struct smtp *c, struct buf *out)
{
	struct span header = span_first(buf_view(&c->w->message.text), c->w->message.found.end);
	struct arena *arena = arena_new(LIMIT_HEADER_BYTES);
	struct address_list list;

	if (header_count(header, "From") == 1) {
		address_parse_list(header_find(header, "From"), arena, &list);
		if (list.count == 1 && list.items[0].domain.n > 0)
			address_print(list.items[0].local, list.items[0].domain, out);
	}
	arena_free(&arena);
	if (out->overflow)
		buf_clear(out);
}

/* SMTPIN-15 for the From field. */
static struct verdict
check_from(struct smtp *c, struct span from)
{
	struct policy_sender facts = {
		.client = smtp_client(c), .address = from, .match = c->config->match,
	};
	char storage[FACTS_WHY_SIZE];
	struct buf why;
	struct verdict v;
	int answer = 0;

	if (c->user[0] != '\0' && from.n > 0 && c->config->match != POLICY_MATCH_NONE &&
	    !span_eq_nocase(from, span_of(c->user)))
		answer = directory_may_send_as(c->w->directory, span_of(c->user), from);
	if (answer < 0)
		return verdict_make(451, "4.3.0", "Cannot check the From address now");
	facts.may_send_as = answer == 1;
	buf_init_fixed(&why, storage, sizeof(storage));
	v = policy_header_from(&facts, &why);
	(void)smtp_decided(c, "from", &why, &v);
	return v;
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

static struct verdict
write_error(int error)
{
	if (error == ENOSPC || error == EDQUOT)
		return verdict_make(452, "4.3.1", "Insufficient system storage");
	return verdict_make(451, "4.3.0", "Cannot store the message now");
}

static void
fill_envelope(struct smtp *c, struct envelope *e, struct span from)
{
	static const char *const ret[] = { "", "FULL", "HDRS" };

	if (c->w->message.quarantine[0] != '\0')
		e->status = ENVELOPE_QUARANTINED;
	e->quarantine = span_of(c->w->message.quarantine);
	e->id = c->w->held_id;
	e->sender = smtp_path_view(&c->t.mail.from);
	e->from = from;
	e->auth = span_of(c->user);
	e->helo = span_of(c->helo);
	e->ip = c->s->is_local ? SPAN_NONE : span_of(c->s->ip);
	e->session = span_of(c->s->ticket);
	e->envid = span_of(c->t.mail.envid);
	e->ret = span_of(ret[c->t.mail.ret]);
	e->created = clock_wall_ms() / 1000;
	demands_fill(c, e);
	e->has_size = true;
	for (size_t i = 0; i < c->t.count; i++) {
		const struct recipient *r = &c->t.rcpts[i];
		struct envelope_rcpt *to = envelope_add(e, span_of(r->address));
		char text[64];
		struct buf notify;

		if (to == NULL)
			bug("more recipients than an envelope takes");
		buf_init_fixed(&notify, text, sizeof(text));
		smtp_notify_print(r->notify, &notify);
		if (notify.n > 0)
			to->notify = span_make(arena_copy(e->arena, buf_view(&notify)), notify.n);
		if (r->orcpt[0] != '\0')
			to->orcpt = span_of(r->orcpt);
	}
}

/* As the message came with, or as we or a milter gave it; n == 0: it has none. */
static struct span
message_id(const struct message *m)
{
	struct span id;

	if (m->found.id_size > 0)
		return span_make(m->text.p + m->found.id_at, m->found.id_size);
	id = header_find(buf_view(&m->added), "Message-ID");
	return id.n > 0 || !m->header_changed ? id : header_find(buf_view(&m->header), "Message-ID");
}

static void
log_message_id(const struct message *m, struct buf *out)
{
	struct span id = span_trim(message_id(m));

	if (id.n > 0)
		log_value(out, "message-id", span_first(id, LIMIT_LOG_COMMAND));
}

static void
log_message(struct smtp *c, uint64_t size, const struct verdict *v)
{
	char storage[VERDICT_TEXT_MAX + 4 * LIMIT_LOG_COMMAND + 128];
	struct buf rest;

	buf_init_fixed(&rest, storage, sizeof(storage));
	buf_printf(&rest, " id=%llu recipients=%zu size=%llu", (unsigned long long)c->w->held_id, c->t.count,
		   (unsigned long long)size);
	log_message_id(&c->w->message, &rest);
	if (!has_received_line(c))
		buf_text_put(&rest, " received-line=left-out");
	log_value(&rest, "text", span_of(v->text));
	smtp_log_address(c, "event=message", "from", c->t.mail.from.text, buf_text(&rest));
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

static void
log_quarantine(struct smtp *c)
{
	char storage[5 * sizeof(c->w->message.quarantine)];
	struct buf why;

	buf_init_fixed(&why, storage, sizeof(storage));
	log_value(&why, "why", span_of(c->w->message.quarantine));
	smtp_log(c, "event=message-quarantined id=%llu%s", (unsigned long long)c->w->held_id, buf_text(&why));
}

/* Write and commit. */
static struct verdict
store(struct smtp *c, struct span from)
{
	struct worker *w = c->w;
	struct envelope *e;
	struct verdict v;
	uint64_t size;
	uint32_t crc;
	int error;

	if (c->dry)
		return verdict_make(250, "2.0.0", "OK");
	error = message_finish(&w->message, w->held_fd, intake_body_end(w->intake), &size, &crc) == 0 ? 0 : errno;
	w->held_fd = -1;
	if (error != 0) {
		log_failure(c->s->svc, c->s->ticket, c->s->ip, "event=write-failed id=%llu error=%s",
			    (unsigned long long)w->held_id, strerrorname_np(error));
		if (intake_abort(w->intake) != 0)
			c->s->ends_worker = true;
		return write_error(error);
	}
	if (w->message.quarantine[0] != '\0')
		log_quarantine(c);
	e = envelope_new();
	fill_envelope(c, e, from);
	e->size = size;
	e->crc32c = crc;
	c->t.lost_intake = intake_commit(w->intake, e, !c->s->ends_worker, &v) != 0;
	if (c->t.lost_intake)
		v = verdict_make(421, "4.3.2", "The queue is not available");
	else if (v.kind == VERDICT_OK)
		log_message(c, size, &v);
	envelope_free(&e);
	return v;
}

/*
 * Room for the whole message in the domains, as it was at RCPT: refused when no
 * recipient has it.  When only some have not, those are told of by a bounce
 * (RFC 5321 has one reply for all).
 */
static struct verdict
check_room(struct smtp *c)
{
	const struct message *m = &c->w->message;
	struct policy_rcpt facts = { .room_known = true, .domain_full = true, .size = m->size + m->trace.n + m->added.n };
	char storage[FACTS_WHY_SIZE];
	struct buf why;
	struct verdict v = verdict_make(250, "2.0.0", "OK");

	for (size_t i = 0; i < c->t.count; i++) {
		if (c->t.rcpts[i].room >= facts.size)
			return v;
		if (c->t.rcpts[i].room >= facts.room)
			facts.room = c->t.rcpts[i].room;
	}
	buf_init_fixed(&why, storage, sizeof(storage));
	v = policy_room(&facts, &why);
	(void)smtp_decided(c, "room", &why, &v);
	for (size_t i = 0; i < c->t.count; i++)
		if (c->t.rcpts[i].is_in_domain)
			facts_domain_refused(c, span_of(c->t.rcpts[i].address));
	return v;
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
	v = check_header(c);
	if (v.kind != VERDICT_OK)
		return v;
	v = origin_check(c);
	if (v.kind != VERDICT_OK)
		return v;
	buf_init_fixed(&from, storage, sizeof(storage));
	find_from(c, &from);
	v = check_from(c, buf_view(&from));
	if (v.kind != VERDICT_OK)
		return v;
	complete(c);
	v = delegates_message(c);
	if (v.kind != VERDICT_OK)
		return v;
	heed_delegates(c);
	v = check_room(c);
	if (v.kind != VERDICT_OK)
		return v;
	switch (filter_message(c, &v)) {
	case FILTER_PASS:
		return store(c, buf_view(&from));
	case FILTER_DISCARD:
		smtp_log_address(c, "event=message-discarded", "from", c->t.mail.from.text, "");
		return verdict_make(250, "2.0.0", "OK");
	case FILTER_REFUSED:
	default:
		return v;
	}
}

/* Whatever was begun for the message and not committed is given up. */
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
		log_message_id(&c->w->message, &rest);
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
