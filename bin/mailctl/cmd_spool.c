/*
 * cmd_spool: messages of the queue: show, recipients, force, delete,
 * reset-retries.  The list is in cmd_spool_list, the text in cmd_spool_view.
 */
#include "base/base.h"
#include "commands.h"
#include <errno.h>
#include "args.h"
#include "cmd_spool.h"
#include "base/die.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/num.h"
#include "output.h"
#include "queue.h"
#include "queue_select.h"
#include "spool/control.h"
#include "spool_action.h"
#include "sys/file.h"

/* -- one message ------------------------------------------------------------ */

/* One id a line on standard input, perhaps with more words behind it. */
static int
each_line(int (*fn)(void *ctx, uint64_t id), void *ctx)
{
	char *line = NULL;
	size_t cap = 0;
	uint64_t id;
	int code = EXIT_DONE;

	while (code == EXIT_DONE && getline(&line, &cap, stdin) > 0) {
		struct span rest = span_trim(span_of(line)), word = span_word(&rest);

		if (word.n == 0)
			continue;
		code = num_parse(word, UINT64_MAX, &id) ? fn(ctx, id) :
			ctl_fail(EXIT_USAGE, "%.*s is not the id of a message", SPAN_ARG(word));
	}
	free(line);
	return code;
}

int
spool_each_id(const struct args *a, int (*fn)(void *ctx, uint64_t id), void *ctx)
{
	uint64_t id;
	int code = EXIT_DONE;

	for (size_t i = 0; i < a->count && code == EXIT_DONE; i++) {
		if (strcmp(a->item[i], "-") == 0)
			code = each_line(fn, ctx);
		else if (num_parse(span_of(a->item[i]), UINT64_MAX, &id))
			code = fn(ctx, id);
		else
			code = ctl_fail(EXIT_USAGE, "%s is not the id of a message", a->item[i]);
	}
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
	struct each *each = ctx;
	struct queue_entry e;
	int code = queue_find(each->c, id, &e);

	return code == EXIT_DONE ? each->fn(each->c, each->o, &e) : code;
}

static int
with_entries(struct ctl *c, int argc, char **argv, const char *const *columns, spool_entry_fn *fn)
{
	struct each each = { c, NULL, fn };
	struct args a;
	int code;

	if (!args_parse(&a, argc, argv, NULL, 0, 1, ARGS_MAX))
		return EXIT_USAGE;
	each.o = output_begin(c, columns);
	code = spool_each_id(&a, one_entry, &each);
	output_end(&each.o);
	return code;
}

static void
field(struct output *o, const char *id, const char *name, struct span value)
{
	char *copy;

	if (value.n == 0)
		return;
	copy = mem_copy(value);
	output_row(o, id, name, copy);
	free(copy);
}

int
spool_show_entry(const struct ctl *c, struct output *o, const struct queue_entry *e)
{
	char id[24], text[64];
	const char *why;
	struct envelope *env = queue_envelope(c, e, &why);

	snprintf(id, sizeof(id), "%llu", (unsigned long long)e->id);
	field(o, id, "status", span_of(e->status));
	if (env == NULL)
		return ctl_fail(EXIT_REFUSED, "message %s: %s", id, why);
	field(o, id, "sender", env->sender.n == 0 ? SPAN("<>") : env->sender);
	field(o, id, "quarantine", env->quarantine);
	field(o, id, "from", env->from);
	field(o, id, "auth", env->auth);
	field(o, id, "helo", env->helo);
	field(o, id, "connectedIp", env->ip);
	field(o, id, "connectedHostName", env->host);
	field(o, id, "smtpSessionId", env->session);
	field(o, id, "envid", env->envid);
	queue_time_text(env->created, text);
	field(o, id, "creationDate", span_of(text));
	snprintf(text, sizeof(text), "%llu", (unsigned long long)env->size);
	field(o, id, "size", span_of(text));
	snprintf(text, sizeof(text), "%u", env->priority);
	field(o, id, "priority", span_of(text));
	for (uint32_t i = 0; i < env->count; i++)
		field(o, id, "recipient", env->rcpts[i].address);
	envelope_free(&env);
	return EXIT_DONE;
}

int
cmd_spool_show(struct ctl *c, int argc, char **argv)
{
	static const char *const columns[] = { "id", "field", "value", NULL };

	return with_entries(c, argc, argv, columns, spool_show_entry);
}

static int
recipients_of(const struct ctl *c, struct output *o, const struct queue_entry *e)
{
	static const char *const states[] = { [RCPT_OPEN] = "pending", [RCPT_DONE] = "delivered",
		[RCPT_FAILED] = "failed" };
	char id[24], number[16], attempts[16], next[32];
	const char *why;
	struct envelope *env = queue_envelope(c, e, &why);

	snprintf(id, sizeof(id), "%llu", (unsigned long long)e->id);
	if (env == NULL)
		return ctl_fail(EXIT_REFUSED, "message %s: %s", id, why);
	for (uint32_t i = 0; i < env->count; i++) {
		const struct envelope_rcpt *r = &env->rcpts[i];
		char *address = mem_copy(r->address), *outcome = mem_copy(r->outcome);

		snprintf(number, sizeof(number), "%u", r->number);
		snprintf(attempts, sizeof(attempts), "%u", r->attempts);
		queue_time_text(r->retry_at, next);
		output_row(o, id, number, address, states[r->state], attempts, next, outcome);
		free(address);
		free(outcome);
	}
	envelope_free(&env);
	return EXIT_DONE;
}

int
cmd_spool_recipients(struct ctl *c, int argc, char **argv)
{
	static const char *const columns[] = { "id", "number#", "recipient", "state", "attempts#", "next",
		"reason", NULL };

	return with_entries(c, argc, argv, columns, recipients_of);
}

/* -- actions ---------------------------------------------------------------- */

static int
add_id(void *ctx, uint64_t id)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)id);
	return spool_action_add(ctx, "id", text);
}

/* Every message that the selector fits. */
static int
each_selected(const struct ctl *c, const char *text, int (*fn)(void *ctx, uint64_t id), void *ctx)
{
	struct selector *s = queue_selector(text);
	struct queue q;
	int code;

	if (s == NULL)
		return EXIT_USAGE;
	code = queue_read(c, SIZE_MAX, &q);
	for (size_t i = 0; code == EXIT_DONE && i < q.count; i++) {
		struct queue_message m;

		queue_message_read(c, &q.entries[i], &m);
		if (queue_selects(s, &m))
			code = fn(ctx, m.entry.id);
		queue_message_free(&m);
	}
	queue_free(&q);
	selector_free(&s);
	return code;
}

/* Which messages an action is for: ids, all, or those of a selector. */
struct choice {
	struct args ids;
	bool all, dry_run;
	const char *where;
};

static bool
choose(struct choice *ch, int argc, char **argv)
{
	const struct arg_option options[] = {
		{ "--all", NULL, &ch->all }, { "--dry-run", NULL, &ch->dry_run }, { "-w", &ch->where, NULL },
	};

	if (!args_parse(&ch->ids, argc, argv, options, PB_COUNT(options), 0, ARGS_MAX))
		return false;
	return ch->all + (ch->where != NULL) + (ch->ids.count > 0) == 1;
}

static int
each_chosen(const struct ctl *c, const struct choice *ch, int (*fn)(void *ctx, uint64_t id), void *ctx)
{
	if (ch->ids.count > 0)
		return spool_each_id(&ch->ids, fn, ctx);
	return each_selected(c, ch->all ? "age>=0" : ch->where, fn, ctx);
}

static int
print_id(void *ctx, uint64_t id)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)id);
	output_row(ctx, text);
	return EXIT_DONE;
}

static int
dry_run(const struct ctl *c, const struct choice *ch)
{
	static const char *const columns[] = { "id", NULL };
	struct output *o = output_begin(c, columns);
	int code = each_chosen(c, ch, print_id, o);

	output_end(&o);
	return code;
}

static int
act_on(struct ctl *c, const char *verb, int argc, char **argv)
{
	struct spool_action act = { .c = c, .verb = verb, .before = "there is no message ", .after = "",
		.at_once = CONTROL_IDS_MAX };
	struct choice ch = { .all = false };

	if (!choose(&ch, argc, argv))
		return EXIT_USAGE;
	if (ch.dry_run)
		return dry_run(c, &ch);
	spool_action_begin(&act);
	return spool_action_end(&act, ch.all ? spool_action_add(&act, "all", "1") : each_chosen(c, &ch, add_id, &act));
}

int
cmd_spool_force(struct ctl *c, int argc, char **argv)
{
	return act_on(c, "force", argc, argv);
}

int
cmd_spool_delete(struct ctl *c, int argc, char **argv)
{
	return act_on(c, "delete", argc, argv);
}

int
cmd_spool_reset(struct ctl *c, int argc, char **argv)
{
	return act_on(c, "reset-retries", argc, argv);
}
