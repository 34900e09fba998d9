/*
 * cmd_ip_list: the lists of addresses: whitelist, blacklist, auth-bypass and
 * ip-bypass, each with list, show, add, edit and delete.
 *
 * An entry is named by its addresses: ADDRESS, ADDRESS/BITS or FIRST-LAST, in
 * any writing that means the same.
 */
#include "base/base.h"
#include "commands.h"
#include "args.h"
#include "base/die.h"
#include "edit.h"
#include "net/addr.h"
#include "output.h"

#define FLAGS_MAX 4

struct ip_list {
	const char *noun;
	const char *path;			/* of the records */
	const char *flags[FLAGS_MAX + 1];	/* truth values of an entry */
	bool needs_flag;			/* all are false unless said: an entry without any says nothing */
	const char *caution;			/* said when one is added; NULL: there is no danger */
	const char *loss;			/* said before one is removed; the same */
};

static const struct ip_list lists[] = {
	{ "whitelist", "whitelist/entry", { "smtp", "pop", "imap", "greylisting" }, true,
	  "no limit, block or greylisting holds for whitelisted addresses, and with smtp=True they may send "
	  "to anywhere; a taken-over host among them spams unhindered", NULL },
	{ "blacklist", "blacklist/entry", { "smtp", "pop", "imap" }, false, NULL, NULL },
	{ "auth-bypass", "smtpAuthBypass/entry", { NULL }, false,
	  "everybody at these addresses may send to anywhere without a log-in; look at them often: mailctl advise",
	  "programs at these addresses that do not log in can no longer send to other servers" },
	{ "ip-bypass", "ipBypasses/entry", { "bypassSpamChecks", "bypassGreylisting" }, false, NULL, NULL },
};

static const struct ip_list *
find_list(const struct ctl *c)
{
	for (size_t i = 0; i < PB_COUNT(lists); i++)
		if (strcmp(lists[i].noun, c->noun) == 0)
			return &lists[i];
	bug("no list of addresses %s", c->noun);
}

/* An entry as it stands in the settings: its addresses, and the words that find it there. */
struct entry {
	struct addr_range range;
	char first[80], second[80];	/* "ip=..." or "ipFrom=..." and "ipTo=..." */
	char shown[2 * ADDR_TEXT_MAX];
};

static bool
read_entry(const struct settings *st, const char *path, size_t i, struct entry *e)
{
	const char *ip = settings_entry(st, path, i, "ip");
	const char *from = settings_entry(st, path, i, "ipFrom"), *to = settings_entry(st, path, i, "ipTo");

	*e = (struct entry){ .second = "" };
	if (ip[0] != '\0') {
		(void)snprintf(e->first, sizeof(e->first), "ip=%s", ip);
		(void)snprintf(e->shown, sizeof(e->shown), "%s", ip);
	} else {
		(void)snprintf(e->first, sizeof(e->first), "ipFrom=%s", from);
		(void)snprintf(e->second, sizeof(e->second), "ipTo=%s", to);
		(void)snprintf(e->shown, sizeof(e->shown), "%s-%s", from, to);
	}
	return addr_range_parse(span_of(e->shown), &e->range);
}

static bool
same(const struct addr_range *a, const struct addr_range *b)
{
	return addr_eq_ip(&a->from, &b->from) && addr_eq_ip(&a->to, &b->to);
}

static void
put_row(struct output *o, const struct ip_list *l, const struct settings *st, size_t i, const struct entry *e)
{
	const char *values[FLAGS_MAX + 2] = { e->shown };

	for (size_t k = 0; l->flags[k] != NULL; k++)
		values[k + 1] = settings_entry_bool(st, l->path, i, l->flags[k]) ? "True" : "False";
	output_row_array(o, values);
}

/* Rows of all entries (want NULL), of those that are `want`, or of those that hold it. */
static size_t
put_rows(const struct ctl *c, const struct ip_list *l, const struct settings *st, const struct addr_range *want)
{
	char names[FLAGS_MAX][24];
	const char *columns[FLAGS_MAX + 2] = { "address" };
	struct output *o;
	struct entry e;
	size_t rows;

	for (size_t k = 0; l->flags[k] != NULL; k++) {
		(void)snprintf(names[k], sizeof(names[k]), "%s?", l->flags[k]);
		columns[k + 1] = names[k];
	}
	o = output_begin(c, columns);
	for (size_t i = 0; i < settings_count(st, l->path); i++)
		if (read_entry(st, l->path, i, &e) &&
		    (want == NULL || (addr_in_range(&want->from, &e.range) && addr_in_range(&want->to, &e.range))))
			put_row(o, l, st, i, &e);
	rows = output_rows(o);
	output_end(&o);
	return rows;
}

static int
read_range(const char *text, struct addr_range *out)
{
	return addr_range_parse(span_of(text), out) ? EXIT_DONE
		: ctl_fail(EXIT_REFUSED, "%s is no ADDRESS, ADDRESS/BITS or FIRST-LAST", text);
}

int
cmd_ip_list_list(struct ctl *c, int argc, char **argv)
{
	struct settings *st;
	struct args a;

	if (!args_parse(&a, argc, argv, NULL, 0, 0, 0))
		return EXIT_USAGE;
	st = ctl_server_settings(c);
	if (st == NULL)
		return EXIT_REFUSED;
	(void)put_rows(c, find_list(c), st, NULL);
	settings_free(&st);
	return EXIT_DONE;
}

int
cmd_ip_list_show(struct ctl *c, int argc, char **argv)
{
	const struct ip_list *l = find_list(c);
	struct addr_range want;
	struct settings *st;
	struct args a;
	int code;

	if (!args_parse(&a, argc, argv, NULL, 0, 1, 1))
		return EXIT_USAGE;
	code = read_range(a.item[0], &want);
	if (code != EXIT_DONE)
		return code;
	st = ctl_server_settings(c);
	if (st == NULL)
		return EXIT_REFUSED;
	if (put_rows(c, l, st, &want) == 0)
		code = ctl_fail(EXIT_NO_OBJECT, "%s is not on the %s", a.item[0], l->noun);
	settings_free(&st);
	return code;
}

/* The entry that is exactly this range; EXIT_NO_OBJECT without a message. */
static int
find_entry(const struct ctl *c, const struct ip_list *l, const struct addr_range *want, struct entry *out)
{
	struct settings *st = ctl_server_settings(c);
	int code = EXIT_NO_OBJECT;

	if (st == NULL)
		return EXIT_REFUSED;
	for (size_t i = 0; code != EXIT_DONE && i < settings_count(st, l->path); i++)
		if (read_entry(st, l->path, i, out) && same(&out->range, want))
			code = EXIT_DONE;
	settings_free(&st);
	return code;
}

/* True when a word "FLAG=True" is among them. */
static bool
sets_flag(const struct args *a, size_t from)
{
	for (size_t i = from; i < a->count; i++) {
		struct span value = span_of(a->item[i]);

		(void)span_cut(&value, '=');
		if (span_is_nocase(value, "true"))
			return true;
	}
	return false;
}

static void
say_caution(const struct ip_list *l, const struct addr_range *r)
{
	struct addr wide = addr_prefix(&r->from, 24, 64), end = addr_prefix(&r->to, 24, 64);

	if (l->caution == NULL)
		return;
	fprintf(stderr, "mailctl: caution: %s\n", l->caution);
	if (!addr_eq_ip(&wide, &end))
		fprintf(stderr, "mailctl: caution: these are more addresses than one network has\n");
}

struct change {
	const char *path;
	const struct entry *entry;
	const struct args *args;	/* words from the second on are FIELD=VALUE */
};

static size_t
entry_words(const struct entry *e, char **words)
{
	words[0] = (char *)(uintptr_t)e->first;
	words[1] = (char *)(uintptr_t)e->second;
	return e->second[0] == '\0' ? 1 : 2;
}

static int
add_entry(struct config_file *f, const void *ctx, struct buf *errors)
{
	const struct change *ch = ctx;
	char *words[2 + FLAGS_MAX];
	size_t n = entry_words(ch->entry, words);

	for (size_t i = 1; i < ch->args->count; i++)
		words[n++] = ch->args->item[i];
	return edit_add(f, ch->path, n, words, errors);
}

/* The words under which a new entry is stored. */
static void
name_entry(const char *text, struct entry *e)
{
	struct span rest = span_of(text), from = span_cut(&rest, '-');

	if (rest.p == NULL) {
		(void)snprintf(e->first, sizeof(e->first), "ip=%s", text);
		e->second[0] = '\0';
		return;
	}
	from = span_trim(from);
	rest = span_trim(rest);
	(void)snprintf(e->first, sizeof(e->first), "ipFrom=%.*s", SPAN_ARG(from));
	(void)snprintf(e->second, sizeof(e->second), "ipTo=%.*s", SPAN_ARG(rest));
}

/* "address=NEW" gives the entry other addresses; all other words are its fields. */
static int
change_entry(struct config_file *f, const void *ctx, struct buf *errors)
{
	static char no_ip[] = "ip=", no_from[] = "ipFrom=", no_to[] = "ipTo=";
	const struct change *ch = ctx;
	char *match[2], *words[3 * (1 + FLAGS_MAX)];
	size_t n = entry_words(ch->entry, match), count = 0;
	struct entry moved = { .second = "" };

	for (size_t i = 1; i < ch->args->count; i++) {
		char *word = ch->args->item[i];

		if (strncmp(word, "address=", 8) != 0) {
			words[count++] = word;
			continue;
		}
		if (!addr_range_parse(span_of(word + 8), &moved.range)) {
			buf_printf(errors, "%s is no ADDRESS, ADDRESS/BITS or FIRST-LAST\n", word + 8);
			return EXIT_REFUSED;
		}
		name_entry(word + 8, &moved);
		words[count++] = moved.first;
		words[count++] = moved.second[0] != '\0' ? moved.second : no_to;
		words[count++] = moved.second[0] != '\0' ? no_ip : no_from;
	}
	return edit_entry(f, ch->path, n, match, count, words, errors);
}

static int
remove_entry(struct config_file *f, const void *ctx, struct buf *errors)
{
	const struct change *ch = ctx;
	char *words[2];
	size_t n = entry_words(ch->entry, words);

	return edit_remove(f, ch->path, n, words, errors);
}

int
cmd_ip_list_add(struct ctl *c, int argc, char **argv)
{
	const struct ip_list *l = find_list(c);
	struct entry e, there;
	struct args a;
	struct change ch = { l->path, &e, &a };
	int code;

	if (!args_parse(&a, argc, argv, NULL, 0, 1, 1 + FLAGS_MAX))
		return EXIT_USAGE;
	code = read_range(a.item[0], &e.range);
	if (code != EXIT_DONE)
		return code;
	if (l->needs_flag && !sets_flag(&a, 1))
		return ctl_fail(EXIT_REFUSED, "say for what: smtp=True, pop=True, imap=True, greylisting=True");
	code = find_entry(c, l, &e.range, &there);
	if (code == EXIT_DONE)
		return ctl_fail(EXIT_REFUSED, "%s is there already, as %s; use edit", a.item[0], there.shown);
	if (code != EXIT_NO_OBJECT)
		return code;
	name_entry(a.item[0], &e);
	code = edit_etc(c, SCOPE_SERVER, add_entry, &ch);
	if (code == EXIT_DONE)
		say_caution(l, &e.range);
	return code;
}

int
cmd_ip_list_edit(struct ctl *c, int argc, char **argv)
{
	const struct ip_list *l = find_list(c);
	struct entry e;
	struct args a;
	struct change ch = { l->path, &e, &a };
	struct addr_range want;
	int code;

	if (!args_parse(&a, argc, argv, NULL, 0, 2, 1 + FLAGS_MAX))
		return EXIT_USAGE;
	code = read_range(a.item[0], &want);
	if (code == EXIT_DONE && (code = find_entry(c, l, &want, &e)) == EXIT_NO_OBJECT)
		return ctl_fail(EXIT_NO_OBJECT, "%s is not an entry of the %s", a.item[0], l->noun);
	if (code == EXIT_DONE)
		code = edit_etc(c, SCOPE_SERVER, change_entry, &ch);
	if (code == EXIT_DONE && sets_flag(&a, 1))
		say_caution(l, &want);
	return code;
}

int
cmd_ip_list_delete(struct ctl *c, int argc, char **argv)
{
	const struct ip_list *l = find_list(c);
	struct entry e;
	struct args a;
	struct change ch = { l->path, &e, &a };
	struct addr_range want;
	int worst = EXIT_DONE;

	if (!args_parse(&a, argc, argv, NULL, 0, 1, ARGS_MAX))
		return EXIT_USAGE;
	for (size_t i = 0; i < a.count; i++) {
		int code = read_range(a.item[i], &want);

		if (code == EXIT_DONE && (code = find_entry(c, l, &want, &e)) == EXIT_NO_OBJECT)
			ctl_fail(EXIT_NO_OBJECT, "%s is not an entry of the %s", a.item[i], l->noun);
		if (code == EXIT_DONE && l->loss != NULL)
			fprintf(stderr, "mailctl: warning: %s %s: %s\n", l->noun, a.item[i], l->loss);
		if (code == EXIT_DONE)
			code = edit_etc(c, SCOPE_SERVER, remove_entry, &ch);
		if (code != EXIT_DONE)
			worst = code;
	}
	return worst;
}
