/*
 * data_store: a message that passed goes into the spool with its envelope, and the log tells it.
 *
 * Only when intake has answered the commit may the client be told 250.
 */
#include "base/base.h"
#include "smtp.h"
#include "data.h"
#include "demands.h"
#include "base/die.h"
#include "mail/header.h"
#include "sys/clock.h"
#include <errno.h>

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

void
data_log_message_id(const struct message *m, struct buf *out)
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
	data_log_message_id(&c->w->message, &rest);
	if (!data_has_received_line(c))
		buf_text_put(&rest, " received-line=left-out");
	log_value(&rest, "text", span_of(v->text));
	smtp_log_address(c, "event=message", "from", c->t.mail.from.text, buf_text(&rest));
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

struct verdict
data_store(struct smtp *c, struct span from)
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
