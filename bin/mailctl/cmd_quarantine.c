/*
 * cmd_quarantine: messages that a milter or policy server put aside: list,
 * show, view, release, delete.
 *
 * They are found in the folders, also while the Spool service is stopped;
 * what changes them is asked of the scheduler, which owns the spool.
 */
#include "base/base.h"
#include "commands.h"
#include "args.h"
#include "base/buf.h"
#include "base/die.h"
#include "base/limits.h"
#include "base/mem.h"
#include "cmd_spool.h"
#include "output.h"
#include "queue.h"
#include "queue_select.h"
#include "spool/control.h"

/* Called for one message, read. */
typedef int message_fn(void *ctx, const struct queue_message *m);

/* All that the selector fits; where == NULL: all. */
static int
each_selected(const struct ctl *c, const char *where, message_fn *fn, void *ctx)
{
	struct selector *s = where == NULL ? NULL : queue_selector(where);
	struct queue q;
	int code;

	if (where != NULL && s == NULL)
		return EXIT_USAGE;
	code = queue_read_quarantine(c, &q);
	for (size_t i = 0; code == EXIT_DONE && i < q.count; i++) {
		struct queue_message m;

		queue_message_read(c, &q.entries[i], &m);
		if (s == NULL || queue_selects(s, &m))
			code = fn(ctx, &m);
		queue_message_free(&m);
	}
	queue_free(&q);
	selector_free(&s);
	return code;
}

/* -- list, show, view ----------------------------------------------------------- */

static char *
join_recipients(const struct envelope *e)
{
	struct buf b;
	char *text;

	buf_init(&b, LIMIT_ENVELOPE);
	for (uint32_t i = 0; i < e->rcpt_count; i++) {
		buf_text_put(&b, i == 0 ? "" : ",");
		buf_span(&b, e->rcpts[i].address);
	}
	text = mem_copy(buf_view(&b));
	buf_free(&b);
	return text;
}

static int
print_row(void *ctx, const struct queue_message *m)
{
	char id[24], age[24], kb[24], *sender, *recipients, *reason;

	snprintf(id, sizeof(id), "%llu", (unsigned long long)m->entry.id);
	snprintf(age, sizeof(age), "%llu", (unsigned long long)m->age);
	snprintf(kb, sizeof(kb), "%llu", (unsigned long long)((m->size + 1023) / 1024));
	if (m->env == NULL) {
		output_row(ctx, id, "?", "?", age, kb, m->why);
		return EXIT_DONE;
	}
	sender = m->env->sender.n == 0 ? mem_text("<>") : mem_copy(m->env->sender);
	recipients = join_recipients(m->env);
	reason = mem_copy(m->env->quarantine);
	output_row(ctx, id, sender, recipients, age, kb, reason);
	free(sender);
	free(recipients);
	free(reason);
	return EXIT_DONE;
}

int
cmd_quarantine_list(struct ctl *c, int argc, char **argv)
{
	static const char *const columns[] = { "id", "sender", "recipients", "age#", "sizeKB#", "reason", NULL };
	const char *where = NULL;
	const struct arg_option options[] = { { "-w", &where, NULL } };
	struct output *o;
	struct args a;
	int code;

	if (!args_parse(&a, argc, argv, options, PB_COUNT(options), 0, 0))
		return EXIT_USAGE;
	o = output_begin(c, columns);
	code = each_selected(c, where, print_row, o);
	output_end(&o);
	return code;
}

struct each {
	const struct ctl *c;
	struct output *o;
	spool_entry_fn *fn;
};

static int
one_entry(void *ctx, uint64_t id)
{
	const struct each *each = ctx;
	struct queue_entry e;
	int code = queue_find_quarantined(each->c, id, &e);

	return code == EXIT_DONE ? each->fn(each->c, each->o, &e) : code;
}

int
cmd_quarantine_show(struct ctl *c, int argc, char **argv)
{
	static const char *const columns[] = { "id", "field", "value", NULL };
	struct each each = { c, NULL, spool_show_entry };
	struct args a;
	int code;

	if (!args_parse(&a, argc, argv, NULL, 0, 1, ARGS_MAX))
		return EXIT_USAGE;
	each.o = output_begin(c, columns);
	code = spool_each_id(&a, one_entry, &each);
	output_end(&each.o);
	return code;
}

int
cmd_quarantine_view(struct ctl *c, int argc, char **argv)
{
	struct each each = { c, NULL, spool_view_entry };
	struct args a;
	int code;

	if (!args_parse(&a, argc, argv, NULL, 0, 1, ARGS_MAX))
		return EXIT_USAGE;
	each.o = spool_view_begin(c);
	code = spool_each_id(&a, one_entry, &each);
	if (each.o != NULL)
		output_end(&each.o);
	return code;
}

/* -- release, delete ------------------------------------------------------------- */

struct action {
	const struct ctl *c;
	const char *verb;
	struct output *dry;		/* --dry-run: print the ids only */
	struct buf request;
	size_t pending;			/* messages in request */
	uint64_t done, missing;
};

static int
flush(struct action *act)
{
	struct record reply;
	uint64_t n = 0;
	int code;

	if (act->pending == 0)
		return EXIT_DONE;
	code = ctl_call(act->c, "run/pub/schedule", &act->request, false, &reply);
	act->pending = 0;
	record_begin(&act->request, act->verb);
	if (code != EXIT_DONE)
		return code;
	if (record_get_num(&reply, "count", UINT64_MAX, &n))
		act->done += n;
	for (size_t i = 0; record_get_nth(&reply, "missing", i).p != NULL; i++, act->missing++)
		ctl_fail(1, "message %.*s is not in quarantine, or damaged",
			SPAN_ARG(record_get_nth(&reply, "missing", i)));
	record_free(&reply);
	return EXIT_DONE;
}

static int
add_entry(struct action *act, const struct queue_entry *e)
{
	char text[48];

	if (act->dry != NULL) {
		snprintf(text, sizeof(text), "%llu", (unsigned long long)e->id);
		output_row(act->dry, text);
		return EXIT_DONE;
	}
	snprintf(text, sizeof(text), "%llu %u", (unsigned long long)e->id, e->sub);
	record_add_text(&act->request, "ref", text);
	return ++act->pending == CONTROL_REFS_MAX ? flush(act) : EXIT_DONE;
}

static int
add_message(void *ctx, const struct queue_message *m)
{
	return add_entry(ctx, &m->entry);
}

/* One that is not there is counted, and the others are done all the same. */
static int
add_id(void *ctx, uint64_t id)
{
	struct action *act = ctx;
	struct queue_entry e;

	if (queue_find_quarantined(act->c, id, &e) == EXIT_DONE)
		return add_entry(act, &e);
	act->missing++;
	return EXIT_DONE;
}

static int
act_on(struct ctl *c, const char *verb, int argc, char **argv)
{
	static const char *const columns[] = { "id", NULL };
	bool all = false, dry_run = false;
	const char *where = NULL;
	const struct arg_option options[] = {
		{ "--all", NULL, &all }, { "--dry-run", NULL, &dry_run }, { "-w", &where, NULL },
	};
	struct action act = { .c = c, .verb = verb };
	struct args a;
	int code;

	if (!args_parse(&a, argc, argv, options, PB_COUNT(options), 0, ARGS_MAX) ||
	    all + (where != NULL) + (a.count > 0) != 1)
		return EXIT_USAGE;
	if (dry_run)
		act.dry = output_begin(c, columns);
	buf_init(&act.request, LIMIT_RECORD);
	record_begin(&act.request, verb);
	code = a.count > 0 ? spool_each_id(&a, add_id, &act) : each_selected(c, where, add_message, &act);
	if (code == EXIT_DONE)
		code = flush(&act);
	buf_free(&act.request);
	if (dry_run)
		output_end(&act.dry);
	else if (code == EXIT_DONE)
		output_done(c, act.done);
	return code == EXIT_DONE && act.missing > 0 ? EXIT_NO_OBJECT : code;
}

int
cmd_quarantine_release(struct ctl *c, int argc, char **argv)
{
	return act_on(c, "quarantine-release", argc, argv);
}

int
cmd_quarantine_delete(struct ctl *c, int argc, char **argv)
{
	return act_on(c, "quarantine-delete", argc, argv);
}
