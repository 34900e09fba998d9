/*
 * change: see change.h.
 *
 * Invariants:
 *  1. While a change is made its message is ACTIVE: no round and no other
 *     change works on it.  Those of one message are made in the order in which
 *     they were asked for.
 *  2. At most CHANGES_MAX wait; whoever asks for more is told `busy`.  To hold
 *     and to release, and priorities, take the place of an earlier wish that
 *     still waits, so that repeating one fills nothing.
 *
 * Crash: what was answered but not appended is forgotten; the lines are read
 * again by the scan.
 */
#include "base/base.h"
#include "change.h"

#include <errno.h>

#include "append.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/num.h"
#include "hold.h"
#include "round_jobs.h"
#include "smtp/path.h"
#include "spool/control.h"
#include "spool/envelope_line.h"
#include "spool/spool_read.h"

#define CHANGES_MAX (8 * 512u)
#define WORKING_MAX 64		/* made at a time */

enum kind { HELD, PRIORITY, REDIRECT };

static const char *const names[] = { "held", "priority", "redirect" };

struct change {
	struct schedule *s;
	struct change *next;
	enum kind kind;
	uint64_t id;
	bool held;
	uint32_t priority;
	char from[LIMIT_DOMAIN + 1], to[LIMIT_DOMAIN + 1];	/* of REDIRECT; from "": any */

	bool working;			/* the rest is valid */
	uint32_t entry;
	int64_t due;			/* of the entry, in case nothing can be changed */
	struct spool_ref ref;
	uint64_t good_size;		/* of ID.hdr */
	struct buf lines;
	struct append append;
	char ticket[32];
};

static struct changes {
	struct change *first, **end;
	size_t count, working;
} list = { .end = &list.first };

static void
drop(struct change *c)
{
	struct change **link = &list.first;

	while (*link != c)
		link = &(*link)->next;
	*link = c->next;
	if (c->next == NULL)
		list.end = link;
	list.count--;
	if (c->working) {
		list.working--;
		buf_free(&c->lines);
	}
	free(c);
}

/* -- the lines ------------------------------------------------------------------ */

static struct span
domain_of(struct span address)
{
	ssize_t at = span_rfind(address, '@');

	return at < 0 ? SPAN_NONE : span_from(address, (size_t)at + 1);
}

static void
log_redirect(const struct change *c, const struct envelope_rcpt *p, struct span to)
{
	struct buf b;

	buf_init(&b, 4 * LIMIT_RECORD);
	buf_printf(&b, "event=redirected id=%llu rcpt=%u", (unsigned long long)c->id, p->number);
	log_value(&b, "to", to);
	log_value(&b, "was", p->address);
	log_line(c->s->svc, c->ticket, NULL, "%s", buf_text(&b));
	buf_free(&b);
}

/* One that would be too long for an address stays as it is. */
static void
redirect_one(struct change *c, uint32_t seed, const struct envelope_rcpt *p)
{
	char text[LIMIT_ADDRESS + 1];
	ssize_t at = span_rfind(p->address, '@');
	struct span local = at < 0 ? p->address : span_first(p->address, (size_t)at), to;

	snprintf(text, sizeof(text), "%.*s@%s", SPAN_ARG(local), c->to);
	to = span_of(text);
	if (local.n + 1 + strlen(c->to) > LIMIT_ADDRESS || !envelope_address_is_valid(to) || span_eq(to, p->address))
		return;
	envelope_line_redirect(&c->lines, seed, p->number, to);
	log_redirect(c, p, to);
}

static void
make_lines(struct change *c, const struct envelope *e)
{
	switch (c->kind) {
	case HELD:
		if (e->held != c->held)
			envelope_line_held(&c->lines, e->line_seed, c->held);
		break;
	case PRIORITY:
		envelope_line_priority(&c->lines, e->line_seed, c->priority);
		break;
	case REDIRECT:
		for (uint32_t i = 0; i < e->count; i++)
			if (e->rcpts[i].state == RCPT_OPEN && (c->from[0] == '\0' ||
			    span_eq_nocase(domain_of(e->rcpts[i].address), span_of(c->from))))
				redirect_one(c, e->line_seed, &e->rcpts[i]);
		break;
	}
}

/* -- making one ------------------------------------------------------------------- */

/* The message goes back to the queue as its envelope, or what is known of it, says. */
static void
end(struct change *c, const struct envelope *e)
{
	struct schedule *s = c->s;
	struct queue_entry *q = queue_at(s->queue, c->entry);
	int64_t due = c->due;

	if (e != NULL) {
		if (e->priority_by_hand) {
			q->flags |= QUEUE_BY_HAND;
			queue_set_priority(s->queue, c->entry, e->priority);
		}
		round_set_destination(s, c->entry, e);
		due = schedule_due(s, e);
	}
	/* What was asked for meanwhile is obeyed by the next round. */
	if (q->flags & (QUEUE_FORCED | QUEUE_RESET | QUEUE_DELETE | QUEUE_TURN))
		due = 0;
	queue_wait(s->queue, c->entry, due);
	drop(c);
	schedule_kick(s);
}

static void
failed(struct change *c, int error)
{
	log_failure(c->s->svc, c->ticket, NULL, "event=change-failed id=%llu change=%s error=%d text=\"%s\"",
	    (unsigned long long)c->id, names[c->kind], error, strerror(error));
	end(c, NULL);
}

/* The lines are durable. */
static void
made(struct change *c)
{
	struct schedule *s = c->s;
	struct envelope *e = NULL;

	if (spool_read_envelope(s->spool, c->ref, &e) < 0) {
		failed(c, errno);
		return;
	}
	if (c->kind == HELD) {
		hold_mark(s, c->entry, e->held);
		hold_log(s, c->ref, e);
	} else if (c->kind == PRIORITY) {
		log_line(s->svc, c->ticket, NULL, "event=priority-set id=%llu priority=%u",
		    (unsigned long long)c->id, e->priority);
	}
	end(c, e);
	envelope_free(&e);
}

static void
on_appended(void *ctx, int error)
{
	struct change *c = ctx;

	if (error != 0)
		failed(c, error);
	else
		made(c);
}

static void
begin(struct change *c, uint32_t entry)
{
	struct schedule *s = c->s;
	const struct queue_entry *q = queue_at(s->queue, entry);
	struct envelope *e = NULL;

	c->working = true;
	list.working++;
	c->entry = entry;
	c->due = q->due == UINT32_MAX ? INT64_MAX : (int64_t)q->due;
	c->ref = (struct spool_ref){ .id = q->id, .sub = q->sub };
	buf_init(&c->lines, LIMIT_ENVELOPE);
	queue_activate(s->queue, entry);
	/* Gone, or damaged: the round that follows at once finds out and says so. */
	if (spool_read_envelope(s->spool, c->ref, &e) < 0) {
		c->due = 0;
		failed(c, errno);
		return;
	}
	snprintf(c->ticket, sizeof(c->ticket), "%.*s", SPAN_ARG(e->session));
	c->good_size = e->good_size;
	c->append = (struct append){ .helpers = s->helpers, .ref = c->ref, .good_size = &c->good_size,
		.lines = &c->lines, .done = on_appended, .ctx = c };
	make_lines(c, e);
	if (c->lines.overflow || c->good_size + c->lines.n > LIMIT_ENVELOPE)
		failed(c, EFBIG);
	else if (c->lines.n == 0)
		end(c, e);
	else
		append_begin(&c->append);
	envelope_free(&e);
}

void
change_pump(struct schedule *s)
{
	struct change *next;

	for (struct change *c = list.first; c != NULL && list.working < WORKING_MAX; c = next) {
		uint32_t i = queue_find(s->queue, c->id);

		next = c->next;
		if (c->working)
			continue;
		if (i == QUEUE_NONE || queue_at(s->queue, i)->flags & QUEUE_DELETE)
			drop(c);
		else if (queue_at(s->queue, i)->state != QUEUE_ACTIVE)
			begin(c, i);
	}
}

/* -- requests ---------------------------------------------------------------------- */

static void
wish(struct schedule *s, const struct change *what)
{
	struct change *c = list.first;

	while (c != NULL && (c->id != what->id || c->kind != what->kind || c->kind == REDIRECT || c->working))
		c = c->next;
	if (c == NULL) {
		c = mem_new(sizeof(*c));
		*list.end = c;
		list.end = &c->next;
		list.count++;
	}
	c->s = s;
	c->kind = what->kind;
	c->id = what->id;
	c->held = what->held;
	c->priority = what->priority;
	memcpy(c->from, what->from, sizeof(c->from));
	memcpy(c->to, what->to, sizeof(c->to));
}

static void
apply(struct schedule *s, const struct record *r, struct buf *answer, struct change *what)
{
	uint64_t count = 0;

	if (list.count + CONTROL_IDS_MAX > CHANGES_MAX) {
		record_begin(answer, "busy");
		return;
	}
	record_begin(answer, "ok");
	for (size_t k = 0; k < r->count; k++) {
		uint32_t i = QUEUE_NONE;

		if (!span_is(r->fields[k].key, "id"))
			continue;
		if (num_parse(r->fields[k].value, UINT64_MAX, &what->id))
			i = queue_find(s->queue, what->id);
		if (i == QUEUE_NONE || queue_at(s->queue, i)->flags & QUEUE_DELETE) {
			record_add(answer, "missing", r->fields[k].value);
			continue;
		}
		wish(s, what);
		count++;
	}
	record_add_num(answer, "count", count);
	schedule_kick(s);
}

void
change_hold(struct schedule *s, const struct record *r, struct buf *answer)
{
	struct change what = { .kind = HELD, .held = true };

	apply(s, r, answer, &what);
}

void
change_release(struct schedule *s, const struct record *r, struct buf *answer)
{
	struct change what = { .kind = HELD };

	apply(s, r, answer, &what);
}

void
change_priority(struct schedule *s, const struct record *r, struct buf *answer)
{
	struct change what = { .kind = PRIORITY };

	if (num_parse_u32(record_get(r, "value"), 10, &what.priority) && what.priority >= 1)
		apply(s, r, answer, &what);
}

void
change_redirect(struct schedule *s, const struct record *r, struct buf *answer)
{
	struct span from = record_get(r, "from"), to = record_get(r, "to");
	struct change what = { .kind = REDIRECT };

	if (!smtp_domain_is_valid(to) || (from.n > 0 && !smtp_domain_is_valid(from)))
		return;
	snprintf(what.from, sizeof(what.from), "%.*s", SPAN_ARG(from));
	snprintf(what.to, sizeof(what.to), "%.*s", SPAN_ARG(to));
	apply(s, r, answer, &what);
}
