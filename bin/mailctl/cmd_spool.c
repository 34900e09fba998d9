/*
 * cmd_spool: messages of the queue: show, recipients, force, delete,
 * reset-retries, hold, release, priority, requeue.  The list is in cmd_spool_list, the text in cmd_spool_view.
 */
#include "base/base.h"
#include "commands.h"
#include "cmd_spool.h"
#include "base/die.h"
#include "base/mem.h"
#include "base/num.h"
#include "output.h"
#include "queue.h"
#include "smtp/path.h"
#include "spool/control.h"
#include "spool_action.h"

/* -- one message ------------------------------------------------------------ */

struct each {
	const struct ctl *c;
	const struct spool_choice *ch;
	struct output *o;
	spool_entry_fn *fn;
};

static int
one_entry(void *ctx, uint64_t id)
{
	const struct each *each = ctx;
	struct queue_entry e;
	bool found;
	int code = spool_choice_find(each->c, each->ch, id, &e, &found);

	return code == EXIT_DONE && found ? each->fn(each->c, each->o, &e) : code;
}

int
spool_each_entry(const struct ctl *c, const struct spool_choice *ch, struct output *o, spool_entry_fn *fn)
{
	struct each each = { c, ch, o, fn };

	return spool_choice_each(c, ch, one_entry, &each);
}

static int
with_entries(struct ctl *c, int argc, char **argv, const char *const *columns, spool_entry_fn *fn)
{
	struct spool_choice ch = { .all = false };
	struct output *o;
	int code;

	if (!spool_choose(&ch, argc, argv, false, NULL, 0))
		return EXIT_USAGE;
	o = output_begin(c, columns);
	code = spool_each_entry(c, &ch, o, fn);
	output_end(&o);
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
	field(o, id, "held", env->held ? SPAN("by an administrator") : SPAN_NONE);
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
	snprintf(text, sizeof(text), "%u%s", env->priority, env->priority_by_hand ? " (set by hand)" : "");
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

/* The request is read from the words, then made for each message. */
static int
act(struct spool_action *act, const struct spool_choice *ch, bool knows_all)
{
	act->before = "there is no message ";
	act->after = "";
	act->at_once = CONTROL_IDS_MAX;
	if (ch->dry_run)
		return spool_choice_print(act->c, ch);
	spool_action_begin(act);
	return spool_action_end(act, knows_all && ch->all ? spool_action_add(act, "all", "1") :
		spool_choice_each(act->c, ch, add_id, act));
}

/* A verb without more words; knows_all: the scheduler takes all=1. */
static int
act_on(const struct ctl *c, const char *verb, bool knows_all, int argc, char **argv)
{
	struct spool_action a = { .c = c, .verb = verb };
	struct spool_choice ch = { .all = false };

	return spool_choose(&ch, argc, argv, true, NULL, 0) ? act(&a, &ch, knows_all) : EXIT_USAGE;
}

int
cmd_spool_force(struct ctl *c, int argc, char **argv)
{
	return act_on(c, "force", true, argc, argv);
}

int
cmd_spool_delete(struct ctl *c, int argc, char **argv)
{
	return act_on(c, "delete", true, argc, argv);
}

int
cmd_spool_reset(struct ctl *c, int argc, char **argv)
{
	return act_on(c, "reset-retries", true, argc, argv);
}

int
cmd_spool_hold(struct ctl *c, int argc, char **argv)
{
	return act_on(c, "hold", false, argc, argv);
}

int
cmd_spool_release(struct ctl *c, int argc, char **argv)
{
	return act_on(c, "release", false, argc, argv);
}

int
cmd_spool_priority(struct ctl *c, int argc, char **argv)
{
	struct spool_action a = { .c = c, .verb = "priority" };
	struct spool_choice ch = { .all = false };
	uint64_t value;

	if (argc < 1 || !num_parse(span_of(argv[0]), 10, &value) || value == 0)
		return ctl_fail(EXIT_USAGE, "a priority is 1 (last) to 10 (first)");
	a.field[0].key = "value";
	a.field[0].value = argv[0];
	return spool_choose(&ch, argc - 1, argv + 1, true, NULL, 0) ? act(&a, &ch, false) : EXIT_USAGE;
}

int
cmd_spool_requeue(struct ctl *c, int argc, char **argv)
{
	struct spool_action a = { .c = c, .verb = "redirect" };
	const char *from = NULL, *to = NULL;
	const struct arg_option options[] = { { "--to", &to, NULL }, { "--from", &from, NULL } };
	struct spool_choice ch = { .all = false };

	if (!spool_choose(&ch, argc, argv, true, options, PB_COUNT(options)))
		return EXIT_USAGE;
	if (to == NULL || !smtp_domain_is_valid(span_of(to)))
		return ctl_fail(EXIT_USAGE, "--to takes the domain where they are to go");
	if (from != NULL && !smtp_domain_is_valid(span_of(from)))
		return ctl_fail(EXIT_USAGE, "--from takes a domain");
	a.field[0].key = "to";
	a.field[0].value = to;
	a.field[1].key = "from";
	a.field[1].value = from;
	return act(&a, &ch, false);
}
