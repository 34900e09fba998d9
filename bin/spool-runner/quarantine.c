/*
 * quarantine: messages that leave it.
 *
 * While it leaves, a message has an entry in the queue, so that no scan and no
 * second request takes it up; nothing is delivered before a helper has made
 * the release durable.
 *
 * Crash: the message is in quarantine still, or in the queue (spool_release.c),
 * or on its way out (spool_finish.c).
 */
#include "base/base.h"
#include "quarantine.h"

#include <errno.h>

#include "base/mem.h"
#include "base/num.h"
#include "spool/control.h"
#include "spool/envelope.h"
#include "spool/spool_release.h"

struct release {
	struct schedule *s;
	uint32_t entry;
	uint64_t id;
	int64_t hold;		/* not before that, as its sender wished */
	bool foreign;		/* the next scan completes it and takes it up */
	char ticket[32];
};

static void
on_released(void *ctx, const struct record *answer)
{
	struct release *m = ctx;
	struct schedule *s = m->s;
	uint64_t error = 0;

	if (record_get_num(answer, "error", INT32_MAX, &error)) {
		log_failure(s->svc, m->ticket, NULL, "event=quarantine-kept id=%llu error=%llu text=\"%s\"",
		    (unsigned long long)m->id, (unsigned long long)error, strerror((int)error));
		schedule_remove(s, m->entry);
	} else {
		log_line(s->svc, m->ticket, NULL, "event=quarantine-released id=%llu", (unsigned long long)m->id);
		if (m->foreign) {
			schedule_remove(s, m->entry);
		} else {
			if (m->hold > schedule_now())
				queue_at(s->queue, m->entry)->flags |= QUEUE_DELAY;
			queue_wait(s->queue, m->entry, m->hold);
			schedule_kick(s);
		}
	}
	free(m);
}

static void
release(struct schedule *s, struct spool_ref ref, const struct envelope *e)
{
	struct release *m = mem_new(sizeof(*m));
	static struct buf text;
	uint64_t job;

	if (text.max == 0)
		buf_init(&text, 1024);
	m->s = s;
	m->id = ref.id;
	m->hold = e->hold;
	m->foreign = e->foreign;
	snprintf(m->ticket, sizeof(m->ticket), "%.*s", SPAN_ARG(e->session));
	m->entry = queue_add(s->queue, ref, 0);
	queue_set_priority(s->queue, m->entry, e->priority);
	queue_activate(s->queue, m->entry);
	job = deliverer_begin(s->helpers, on_released, m);
	record_begin(&text, "quarantine-release");
	record_add_num(&text, "job", job);
	record_add_num(&text, "id", ref.id);
	record_add_num(&text, "sub", ref.sub);
	deliverer_send(s->helpers, job, &text, -1);
}

static void
delete(struct schedule *s, struct spool_ref ref, const struct envelope *e)
{
	char ticket[32];
	uint32_t i = queue_add(s->queue, ref, 0);

	snprintf(ticket, sizeof(ticket), "%.*s", SPAN_ARG(e->session));
	log_line(s->svc, ticket, NULL, "event=quarantine-deleted id=%llu", (unsigned long long)ref.id);
	queue_at(s->queue, i)->flags |= QUEUE_DELETE;
	schedule_kick(s);
}

/* "ID SUB" */
static bool
parse_ref(struct schedule *s, struct span text, struct spool_ref *out)
{
	struct span id = span_word(&text);
	uint64_t sub;

	if (!num_parse(id, UINT64_MAX, &out->id) || !num_parse(span_trim(text), spool_sub_count(s->spool), &sub))
		return false;
	out->sub = (uint32_t)sub;
	return true;
}

static size_t
count_refs(const struct record *r)
{
	size_t n = 0;

	while (record_get_nth(r, "ref", n).p != NULL)
		n++;
	return n;
}

/* Each ref of the request that is in quarantine. */
static void
apply(struct schedule *s, const struct record *r, struct buf *answer,
	void (*call)(struct schedule *s, struct spool_ref ref, const struct envelope *e))
{
	size_t n = count_refs(r);
	uint64_t count = 0;

	if (n == 0 || n > CONTROL_REFS_MAX)
		return;
	record_begin(answer, "ok");
	for (size_t i = 0; i < n; i++) {
		struct span text = record_get_nth(r, "ref", i);
		struct envelope *e = NULL;
		struct spool_ref ref;

		if (parse_ref(s, text, &ref) && queue_find(s->queue, ref.id) == QUEUE_NONE &&
		    spool_quarantined(s->spool, ref, &e) == 0) {
			call(s, ref, e);
			count++;
		} else {
			record_add(answer, "missing", span_word(&text));
		}
		envelope_free(&e);
	}
	record_add_num(answer, "count", count);
}

void
quarantine_release(struct schedule *s, const struct record *r, struct buf *answer)
{
	apply(s, r, answer, release);
}

void
quarantine_delete(struct schedule *s, const struct record *r, struct buf *answer)
{
	apply(s, r, answer, delete);
}
