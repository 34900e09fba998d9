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
#include "spool_action.h"

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

struct choice {
	struct spool_action act;
	struct output *dry;		/* --dry-run: print the ids only */
};

static int
add_entry(struct choice *ch, const struct queue_entry *e)
{
	char text[48];

	if (ch->dry != NULL) {
		snprintf(text, sizeof(text), "%llu", (unsigned long long)e->id);
		output_row(ch->dry, text);
		return EXIT_DONE;
	}
	snprintf(text, sizeof(text), "%llu %u", (unsigned long long)e->id, e->sub);
	return spool_action_add(&ch->act, "ref", text);
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
	struct choice *ch = ctx;
	struct queue_entry e;

	if (queue_find_quarantined(ch->act.c, id, &e) == EXIT_DONE)
		return add_entry(ch, &e);
	ch->act.missing++;
	return EXIT_DONE;
}

static int
each_chosen(struct choice *ch, const struct args *a, const char *where)
{
	return a->count > 0 ? spool_each_id(a, add_id, ch) : each_selected(ch->act.c, where, add_message, ch);
}

static int
dry_run(struct choice *ch, const struct args *a, const char *where)
{
	static const char *const columns[] = { "id", NULL };
	int code;

	ch->dry = output_begin(ch->act.c, columns);
	code = each_chosen(ch, a, where);
	output_end(&ch->dry);
	return code == EXIT_DONE && ch->act.missing > 0 ? EXIT_NO_OBJECT : code;
}

static int
act_on(struct ctl *c, const char *verb, int argc, char **argv)
{
	bool all = false, dry = false;
	const char *where = NULL;
	const struct arg_option options[] = {
		{ "--all", NULL, &all }, { "--dry-run", NULL, &dry }, { "-w", &where, NULL },
	};
	struct choice ch = { .act = { .c = c, .verb = verb, .before = "message ",
		.after = " is not in quarantine, or damaged", .at_once = CONTROL_REFS_MAX } };
	struct args a;

	if (!args_parse(&a, argc, argv, options, PB_COUNT(options), 0, ARGS_MAX) ||
	    all + (where != NULL) + (a.count > 0) != 1)
		return EXIT_USAGE;
	if (dry)
		return dry_run(&ch, &a, where);
	spool_action_begin(&ch.act);
	return spool_action_end(&ch.act, each_chosen(&ch, &a, where));
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
