/*
 * cmd_abuse: the rules of abuse detection (ABUSE-01), by their number in the file.
 */
#include "base/base.h"
#include "commands.h"
#include "args.h"
#include "base/die.h"
#include "base/num.h"
#include "edit.h"
#include "output.h"

#define RULES "abuseDetection/rule"
#define NUMBER_MAX 100000

/* The field that holds the number of each kind. */
static const struct { const char *kind, *field; } counts[] = {
	{ "dos", "connections" }, { "badSessions", "badSessions" },
	{ "loginFailures", "loginFailures" }, { "internalSpammer", "messages" },
};

static const char *
count_of(const struct settings *st, size_t i)
{
	const char *kind = settings_entry(st, RULES, i, "kind");

	for (size_t k = 0; k < PB_COUNT(counts); k++)
		if (strcmp(kind, counts[k].kind) == 0)
			return settings_entry(st, RULES, i, counts[k].field);
	return "";
}

static void
row(struct output *o, const struct settings *st, size_t i)
{
	const char *kind = settings_entry(st, RULES, i, "kind");
	bool is_spam = strcmp(kind, "internalSpammer") == 0;
	char number[24];

	snprintf(number, sizeof(number), "%zu", i + 1);
	output_row(o, number, kind, settings_entry(st, RULES, i, "service"), settings_entry(st, RULES, i, "timeFrame"),
		count_of(st, i), is_spam ? settings_entry(st, RULES, i, "match") : "",
		is_spam ? "0" : settings_entry(st, RULES, i, "blockMinutes"), settings_entry(st, RULES, i, "notify"));
}

/* number 0: all. */
static int
list(struct ctl *c, uint64_t number)
{
	static const char *const columns[] = { "number#", "kind", "service", "minutes#", "count#", "match",
		"block-minutes#", "notify", NULL };
	struct settings *st = ctl_server_settings(c);
	size_t n = settings_count(st, RULES);
	struct output *o;

	if (number > n) {
		settings_free(&st);
		return ctl_fail(EXIT_NO_OBJECT, "there is no rule %llu", (unsigned long long)number);
	}
	o = output_begin(c, columns);
	for (size_t i = 0; i < n; i++)
		if (number == 0 || number == i + 1)
			row(o, st, i);
	output_end(&o);
	settings_free(&st);
	return EXIT_DONE;
}

static bool
read_number(const char *text, uint64_t *number)
{
	if (num_parse(span_of(text), NUMBER_MAX, number) && *number > 0)
		return true;
	ctl_fail(EXIT_USAGE, "%s is not the number of a rule", text);
	return false;
}

int
cmd_abuse_list(struct ctl *c, int argc, char **argv)
{
	struct args a;

	return args_parse(&a, argc, argv, NULL, 0, 0, 0) ? list(c, 0) : EXIT_USAGE;
}

int
cmd_abuse_show(struct ctl *c, int argc, char **argv)
{
	uint64_t number;
	struct args a;

	if (!args_parse(&a, argc, argv, NULL, 0, 1, 1) || !read_number(a.item[0], &number))
		return EXIT_USAGE;
	return list(c, number);
}

static int
add(struct config_file *f, const void *ctx, struct buf *errors)
{
	const struct args *a = ctx;

	return edit_add(f, RULES, a->count, a->item, errors);
}

int
cmd_abuse_add(struct ctl *c, int argc, char **argv)
{
	struct args a;

	if (!args_parse(&a, argc, argv, NULL, 0, 1, ARGS_MAX))
		return EXIT_USAGE;
	return edit_etc(c, SCOPE_SERVER, add, &a);
}

static int
edit(struct config_file *f, const void *ctx, struct buf *errors)
{
	const struct args *a = ctx;
	uint64_t number;

	if (!read_number(a->item[0], &number))
		return EXIT_USAGE;
	return edit_change_at(f, RULES, number - 1, a->count - 1, a->item + 1, errors);
}

int
cmd_abuse_edit(struct ctl *c, int argc, char **argv)
{
	struct args a;

	if (!args_parse(&a, argc, argv, NULL, 0, 2, ARGS_MAX))
		return EXIT_USAGE;
	return edit_etc(c, SCOPE_SERVER, edit, &a);
}

struct numbers {
	uint64_t n[ARGS_MAX];
	size_t count;
};

static int
highest_first(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? 1 : *x > *y ? -1 : 0;
}

/* From the end, so that the numbers of the others stay what they were. */
static int
take(struct config_file *f, const void *ctx, struct buf *errors)
{
	const struct numbers *all = ctx;
	int code = EXIT_DONE;

	for (size_t i = 0; i < all->count && code == EXIT_DONE; i++)
		if (i == 0 || all->n[i] != all->n[i - 1])
			code = edit_remove_at(f, RULES, all->n[i] - 1, errors);
	return code;
}

int
cmd_abuse_delete(struct ctl *c, int argc, char **argv)
{
	static struct numbers all;
	struct args a;

	if (!args_parse(&a, argc, argv, NULL, 0, 1, ARGS_MAX))
		return EXIT_USAGE;
	for (all.count = 0; all.count < a.count; all.count++)
		if (!read_number(a.item[all.count], &all.n[all.count]))
			return EXIT_USAGE;
	qsort(all.n, all.count, sizeof(all.n[0]), highest_first);
	return edit_etc(c, SCOPE_SERVER, take, &all);
}
