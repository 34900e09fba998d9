/*
 * cmd_advise: what an administrator should look at.
 *
 * So far the addresses that send without a log-in (smtpAuthBypass): each with
 * the messages that came from it, since a weak web form on such a host spams
 * unhindered.  The figures are of the log files that are still there.
 */
#include "base/base.h"
#include "commands.h"
#include "args.h"
#include "base/die.h"
#include "base/mem.h"
#include "logs.h"
#include "net/addr.h"
#include "output.h"

struct entry {
	char text[2 * ADDR_TEXT_MAX];	/* as the setting has it */
	struct addr_range range;
	uint64_t messages;
	char last[16];			/* day of the last message; "" for none */
};

struct advice {
	struct entry *entries;
	size_t count;
};

static void
add_entry(struct advice *a, const struct settings *s, size_t i)
{
	const char *ip = settings_entry(s, "smtpAuthBypass/entry", i, "ip");
	const char *from = settings_entry(s, "smtpAuthBypass/entry", i, "ipFrom");
	const char *to = settings_entry(s, "smtpAuthBypass/entry", i, "ipTo");
	struct entry *e = &a->entries[a->count];

	if (ip[0] != '\0')
		snprintf(e->text, sizeof(e->text), "%s", ip);
	else
		snprintf(e->text, sizeof(e->text), "%s-%s", from, to);
	a->count += addr_range_parse(span_of(e->text), &e->range);
}

/* "event=queued id=N from=... size=N rcpts=N ms=N": said once for each message taken. */
static bool
is_acceptance(struct span text)
{
	static const char *const events[] = { "event=delivered id=", "event=queued id=", "event=quarantined id=" };

	for (size_t i = 0; i < PB_COUNT(events); i++)
		if (span_starts(text, span_of(events[i])))
			return span_search(text, SPAN(" rcpts=")) > 0;
	return false;
}

static void
count_line(void *ctx, const struct log_entry *e)
{
	struct advice *a = ctx;
	struct addr from;

	if (!is_acceptance(e->text) || !addr_parse(e->ip, &from))
		return;
	for (size_t i = 0; i < a->count; i++)
		if (addr_in_range(&from, &a->entries[i].range)) {
			a->entries[i].messages++;
			snprintf(a->entries[i].last, sizeof(a->entries[i].last), "%s", e->day);
		}
}

static void
print(const struct ctl *c, const struct advice *a)
{
	static const char *const columns[] = { "setting", "entry", "messages#", "last", "advice", NULL };
	struct output *o = output_begin(c, columns);

	for (size_t i = 0; i < a->count; i++) {
		const struct entry *e = &a->entries[i];
		char messages[24];

		snprintf(messages, sizeof(messages), "%llu", (unsigned long long)e->messages);
		output_row(o, "smtpAuthBypass", e->text, messages, e->last,
			e->messages == 0 ? "nothing came from it: remove it" :
			"sends without a log-in: make sure that all of this is wanted");
	}
	output_end(&o);
}

int
cmd_advise(struct ctl *c, int argc, char **argv)
{
	const char *days_text = "30";
	const struct arg_option options[] = { { "--days", &days_text, NULL } };
	struct settings *s;
	struct advice a = { .count = 0 };
	unsigned days;
	struct args args;
	int code;

	if (!args_parse(&args, argc, argv, options, PB_COUNT(options), 0, 0) || !logs_days(days_text, &days))
		return EXIT_USAGE;
	s = ctl_server_settings(c);
	if (s == NULL)
		return EXIT_REFUSED;
	a.entries = mem_array(settings_count(s, "smtpAuthBypass/entry") + 1, sizeof(*a.entries));
	for (size_t i = 0; i < settings_count(s, "smtpAuthBypass/entry"); i++)
		add_entry(&a, s, i);
	code = logs_each(c, days, "delivery", count_line, &a);
	if (code == EXIT_DONE)
		print(c, &a);
	free(a.entries);
	settings_free(&s);
	return code;
}
