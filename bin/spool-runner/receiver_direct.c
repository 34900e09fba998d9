/*
 * receiver_direct: a message that goes straight through: the recipients are
 * expanded, local-deliver links the file into every mailbox, and what does not
 * succeed within DIRECT_MS takes the queue, with what was done so far.
 *
 * Invariant: receiver.c learns of success only when all links are durable.
 */
#include "base/base.h"
#include "receiver_private.h"

#include <errno.h>

#include "base/limits.h"
#include "base/record.h"
#include "hold.h"
#include "intake.h"
#include "spool/envelope_line.h"

#define DIRECT_MS 5000		/* then the message takes the queue */

/* Lines for what local-deliver did already; seed: line_seed of the envelope in the queue. */
void
receiver_direct_lines(struct receiver *rc, uint32_t seed, struct buf *out)
{
	uint32_t next = rc->env->rcpt_count + 1;

	for (struct target *t = rc->targets; t != NULL;) {
		/* All targets of a message that goes straight through fit one job. */
		struct envelope_to to[LIMIT_JOB_RECIPIENTS];
		uint32_t original = t->original;
		size_t n = 0;

		for (; t != NULL && t->original == original; t = t->next)
			to[n++] = (struct envelope_to){ TARGET_MAILBOX, t->address };
		next = envelope_line_to(out, seed, original, next, to, n);
	}
	for (struct target *t = rc->targets; t != NULL; t = t->next) {
		const struct target *by = t->same != NULL ? t->same : t;

		if (by->done && by->verdict.kind == VERDICT_OK)
			envelope_line_done(out, seed, t->number, &by->verdict);
	}
}

bool
receiver_direct_has_done(const struct receiver *rc)
{
	for (const struct target *t = rc->targets; t != NULL; t = t->next)
		if (t->done && t->verdict.kind == VERDICT_OK)
			return true;
	return false;
}

static void
delivered(struct receiver *rc)
{
	receiver_reply_id(rc, "done", "direct", -1, -1);		/* the client waits; the rest can */
	if (spool_put_through(&rc->put) < 0)
		log_failure(rc->in->svc, NULL, NULL, "event=spool-file-left id=%llu error=%d",
		    (unsigned long long)rc->put.ref.id, errno);
	receiver_log_accepted(rc, "delivered");
	for (const struct target *t = rc->targets; t != NULL && rc->env->sender.n == 0; t = t->next)
		meter_bounced(rc->in->meter, t->address);
	receiver_go_on(rc);
}

static void
take_result(struct receiver *rc, struct span result)
{
	struct span number = span_word(&result);

	for (struct target *t = rc->targets; t != NULL; t = t->next) {
		char text[16];

		snprintf(text, sizeof(text), "%u", t->number);
		if (span_is(number, text) && verdict_parse(span_trim(result), &t->verdict))
			t->done = true;
	}
}

static bool
all_delivered(const struct receiver *rc)
{
	for (const struct target *t = rc->targets; t != NULL; t = t->next)
		if (t->same == NULL && !(t->done && t->verdict.kind == VERDICT_OK))
			return false;
	return true;
}

static void
on_delivered(void *ctx, const struct record *answer)
{
	struct receiver *rc = ctx;

	rc->job = 0;
	for (size_t i = 0; answer != NULL && i < answer->count; i++)
		if (span_is(answer->fields[i].key, "result"))
			take_result(rc, answer->fields[i].value);
	if (all_delivered(rc))
		delivered(rc);
	else
		receiver_take_queue(rc);
	receiver_end_if_gone(rc);
}

static void
start_delivery(struct receiver *rc)
{
	char path[SPOOL_PATH_SIZE], text[LIMIT_ADDRESS + 16];
	static struct buf b;

	if (b.max == 0)
		buf_init(&b, LIMIT_RECORD);
	spool_put_path(&rc->put, path);
	rc->stage = STAGE_DELIVER;
	rc->job = deliverer_begin(rc->in->deliverer, on_delivered, rc);
	record_begin(&b, "deliver");
	record_add_num(&b, "job", rc->job);
	record_add_num(&b, "id", rc->put.ref.id);
	record_add_text(&b, "file", path);
	if (spool_syncs_late(rc->in->spool))
		record_add_num(&b, "late", 1);
	record_add(&b, "session", rc->env->session);
	for (const struct target *t = rc->targets; t != NULL; t = t->next) {
		if (t->same != NULL)
			continue;
		snprintf(text, sizeof(text), "%u %.*s", t->number, SPAN_ARG(t->address));
		record_add_text(&b, "rcpt", text);
	}
	deliverer_send(rc->in->deliverer, rc->job, &b, -1);
}

static bool
add_target(struct receiver *rc, uint32_t original, bool first, struct span address)
{
	struct target *t;
	char *copy;

	if (rc->target_count == LIMIT_JOB_RECIPIENTS)
		return false;
	t = arena_get(rc->env->arena, sizeof(*t));
	copy = arena_copy(rc->env->arena, address);
	if (t == NULL || copy == NULL)
		return false;
	t->original = original;
	t->number = first ? original : 0;
	t->address = span_make(copy, address.n);
	for (struct target *o = rc->targets; o != NULL && t->same == NULL; o = o->next)
		if (o->same == NULL && span_eq(o->address, t->address))
			t->same = o;
	*rc->targets_end = t;
	rc->targets_end = &t->next;
	rc->target_count++;
	return true;
}

/* First targets bear the recipient's number, further ones the next that are free, as `to:` lines do. */
static void
number_targets(struct receiver *rc)
{
	uint32_t next = rc->env->rcpt_count + 1;

	for (struct target *t = rc->targets; t != NULL; t = t->next)
		if (t->number == 0)
			t->number = next++;
}

/* True when all of them are mailboxes and fit into one job. */
static bool
take_targets(struct receiver *rc, uint32_t original, enum rcpt_kind kind,
	const struct directory_targets *t)
{
	if (kind != RCPT_MAILBOX && kind != RCPT_ALIAS)
		return false;
	for (size_t i = 0; i < t->count; i++)
		if (!t->at[i].is_mailbox || t->at[i].is_held ||
		    !add_target(rc, original, i == 0, span_of(t->at[i].address)))
			return false;
	return t->count > 0;
}

/* One question of a message that hopes to go straight through, and may by this answer. */
static void
answered(struct receiver *rc, bool may)
{
	rc->open_questions--;
	if (!may) {
		/* Nothing was delivered yet: schedule expands anew. */
		rc->targets = NULL;
		rc->targets_end = &rc->targets;
		receiver_take_queue(rc);
	} else if (rc->open_questions == 0) {
		number_targets(rc);
		start_delivery(rc);
	}
	receiver_end_if_gone(rc);
}

static void
on_expanded(void *ctx, uint32_t number, enum rcpt_kind kind, const struct directory_targets *t)
{
	struct receiver *rc = ctx;

	answered(rc, take_targets(rc, number, kind, t));
}

/* Mail from a disabled user or domain of ours takes the queue, where it is held. */
static void
on_sender(void *ctx, uint32_t number, int disabled)
{
	struct receiver *rc = ctx;

	(void)number;
	answered(rc, disabled == 0);
}

static void
on_deadline(void *ctx)
{
	struct receiver *rc = ctx;

	rc->deadline = NULL;
	log_failure(rc->in->svc, NULL, NULL, "event=direct-timeout id=%llu",
	    (unsigned long long)rc->put.ref.id);
	receiver_take_queue(rc);
	receiver_end_if_gone(rc);
}

void
receiver_direct_start(struct receiver *rc)
{
	struct span from[HOLD_SENDERS];
	size_t n = hold_senders(rc->env, from);

	rc->deadline = loop_timer(rc->in->loop, DIRECT_MS, on_deadline, rc);
	rc->stage = STAGE_EXPAND;
	rc->open_questions = rc->env->rcpt_count + n;
	for (size_t i = 0; i < n; i++)
		expander_ask_disabled(rc->in->expander, from[i], 0, on_sender, rc);
	for (uint32_t i = 0; i < rc->env->rcpt_count; i++)
		expander_ask(rc->in->expander, rc->env->rcpts[i].address, rc->env->rcpts[i].number,
		    on_expanded, rc);
}
