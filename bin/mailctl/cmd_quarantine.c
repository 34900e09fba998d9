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

static void
print_row(struct output *o, const struct queue_message *m)
{
	char id[24], age[24], kb[24], *sender, *recipients, *reason;

	snprintf(id, sizeof(id), "%llu", (unsigned long long)m->entry.id);
	snprintf(age, sizeof(age), "%llu", (unsigned long long)m->age);
	snprintf(kb, sizeof(kb), "%llu", (unsigned long long)((m->size + 1023) / 1024));
	if (m->env == NULL) {
		output_row(o, id, "?", "?", age, kb, m->why);
		return;
	}
	sender = m->env->sender.n == 0 ? mem_text("<>") : mem_copy(m->env->sender);
	recipients = join_recipients(m->env);
	reason = mem_copy(m->env->quarantine);
	output_row(o, id, sender, recipients, age, kb, reason);
	free(sender);
	free(recipients);
	free(reason);
}

int
cmd_quarantine_list(struct ctl *c, int argc, char **argv)
{
	static const char *const columns[] = { "id", "sender", "recipients", "age#", "sizeKB#", "reason", NULL };
	const char *where = "age>=0";
	const struct arg_option options[] = { { "-w", &where, NULL } };
	struct selector *s;
	struct output *o;
	struct queue q;
	struct args a;
	int code;

	if (!args_parse(&a, argc, argv, options, PB_COUNT(options), 0, 0) || (s = queue_selector(where)) == NULL)
		return EXIT_USAGE;
	code = queue_read_quarantine(c, &q);
	o = output_begin(c, columns);
	for (size_t i = 0; i < q.count; i++) {
		struct queue_message m;

		queue_message_read(c, &q.entries[i], &m);
		if (queue_selects(s, &m))
			print_row(o, &m);
		queue_message_free(&m);
	}
	output_end(&o);
	queue_free(&q);
	selector_free(&s);
	return code;
}

int
cmd_quarantine_show(struct ctl *c, int argc, char **argv)
{
	static const char *const columns[] = { "id", "field", "value", NULL };
	struct spool_choice ch = { .quarantined = true };
	struct output *o;
	int code;

	if (!spool_choose(&ch, argc, argv, false, NULL, 0))
		return EXIT_USAGE;
	o = output_begin(c, columns);
	code = spool_each_entry(c, &ch, o, spool_show_entry);
	output_end(&o);
	return code;
}

int
cmd_quarantine_view(struct ctl *c, int argc, char **argv)
{
	struct spool_choice ch = { .quarantined = true };
	struct output *o;
	int code;

	if (!spool_choose(&ch, argc, argv, false, NULL, 0))
		return EXIT_USAGE;
	o = spool_view_begin(c);
	code = spool_each_entry(c, &ch, o, spool_view_entry);
	if (o != NULL)
		output_end(&o);
	return code;
}

/* -- release, delete ------------------------------------------------------------- */

/* One that is not there is counted, and the others are done all the same. */
static int
add_ref(void *ctx, uint64_t id)
{
	struct spool_action *act = ctx;
	struct queue_entry e;
	char text[48];

	if (queue_find_quarantined(act->c, id, &e) != EXIT_DONE) {
		act->missing++;
		return EXIT_DONE;
	}
	snprintf(text, sizeof(text), "%llu %u", (unsigned long long)e.id, e.sub);
	return spool_action_add(act, "ref", text);
}

static int
act_on(struct ctl *c, const char *verb, int argc, char **argv)
{
	struct spool_action act = { .c = c, .verb = verb, .before = "message ",
		.after = " is not in quarantine, or damaged", .at_once = CONTROL_REFS_MAX };
	struct spool_choice ch = { .quarantined = true };

	if (!spool_choose(&ch, argc, argv, true, NULL, 0))
		return EXIT_USAGE;
	if (ch.dry_run)
		return spool_choice_print(c, &ch);
	spool_action_begin(&act);
	return spool_action_end(&act, spool_choice_each(c, &ch, add_ref, &act));
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
