/*
 * cmd_alias: alias add, list, delete.  All aliases of a domain are in its
 * aliases.xml.
 */
#include "base/base.h"
#include "commands.h"
#include "account.h"
#include "args.h"
#include "base/die.h"
#include "base/mem.h"
#include "edit.h"
#include "output.h"
#include "postmaster.h"
#include "sys/file.h"

struct alias {
	const char *name, *targets;
};

static int
change_aliases(struct ctl *c, const struct domain *d, edit_fn *change, const char *name, const char *targets)
{
	struct alias alias = { name, targets };
	int code = edit_file(c, d->fd, d->fd, d->folder, SCOPE_ALIASES, change, &alias);

	return code == EXIT_DONE ? ctl_tell_directory(c, "domain", d->name) : code;
}

static int
add_alias(struct config_file *f, const void *ctx, struct buf *errors)
{
	const struct alias *alias = ctx;
	struct buf first, second;
	char *words[2];
	int code;

	buf_init(&first, 128);
	buf_init(&second, LIMIT_SETTING_VALUE + 16);
	buf_printf(&first, "name=%s", alias->name);
	buf_printf(&second, "targets=%s", alias->targets);
	words[0] = first.p;
	words[1] = second.p;
	code = edit_add(f, "alias", 2, words, errors);
	buf_free(&first);
	buf_free(&second);
	return code;
}

static int
remove_alias(struct config_file *f, const void *ctx, struct buf *errors)
{
	const struct alias *alias = ctx;
	char word[128], *words[] = { word };
	size_t before = errors->n;
	int code;

	snprintf(word, sizeof(word), "name=%s", alias->name);
	code = edit_remove(f, "alias", 1, words, errors);
	if (code == EXIT_NO_OBJECT) {
		buf_cut(errors, before);
		buf_printf(errors, "there is no alias %s in %s\n", alias->name, f->path);
	}
	return code;
}

/* One change: it is saved whole or not at all. */
static int
replace_alias(struct config_file *f, const void *ctx, struct buf *errors)
{
	int code = remove_alias(f, ctx, errors);

	return code == EXIT_DONE ? add_alias(f, ctx, errors) : code;
}

/* Small letters, but a detail (user+detail) names a folder and keeps its own. */
static void
put_target(const struct address *address, const char *typed, struct buf *out)
{
	size_t n = strcspn(address->user, "+");

	buf_printf(out, "%s%.*s%.*s@%s", out->n > 0 ? "," : "", (int)n, address->user,
		(int)(strlen(address->user) - n), typed + n, address->domain);
}

/* All targets as one text; a bare name means one of the same domain. */
static int
join_targets(const struct args *a, const char *domain, struct buf *out)
{
	for (size_t i = 1; i < a->count; i++) {
		struct address address;
		char text[LIMIT_ADDRESS + 300];
		int code;

		snprintf(text, sizeof(text), strchr(a->item[i], '@') != NULL ? "%.320s" : "%.64s@%s", a->item[i],
			domain);
		code = address_parse(text, &address);
		if (code != EXIT_DONE)
			return code;
		put_target(&address, text, out);
	}
	return out->overflow ? ctl_fail(EXIT_REFUSED, "too many targets") : EXIT_DONE;
}

static int
check_new_alias(const struct domain *d, const char *name)
{
	struct settings *st = domain_settings(d), *al = alias_settings(d);
	int code = EXIT_DONE;
	uint64_t max = 0;

	if (st == NULL || al == NULL)
		code = EXIT_REFUSED;
	else
		max = settings_num(st, "maxUserAliases");
	for (size_t i = 0; code == EXIT_DONE && i < settings_count(al, "alias"); i++)
		if (strcmp(settings_entry(al, "alias", i, "name"), name) == 0)
			code = ctl_fail(EXIT_REFUSED, "alias %s@%s exists already", name, d->name);
	if (code == EXIT_DONE && max > 0 && settings_count(al, "alias") >= max)
		code = ctl_fail(EXIT_REFUSED, "domain %s may have %llu aliases (maxUserAliases)", d->name,
			(unsigned long long)max);
	if (code == EXIT_DONE && user_exists(d, name))
		code = ctl_fail(EXIT_REFUSED, "%s@%s is a user", name, d->name);
	settings_free(&st);
	settings_free(&al);
	return code;
}

/* Targets for a new alias, or in place of those that one has. */
static int
set_targets(struct ctl *c, int argc, char **argv, bool is_new)
{
	struct address address;
	struct buf targets;
	struct domain d;
	struct args a;
	int code;

	if (!args_parse(&a, argc, argv, NULL, 0, 2, ARGS_MAX))
		return EXIT_USAGE;
	code = address_parse(a.item[0], &address);
	if (code == EXIT_DONE)
		code = domain_open(c, address.domain, &d);
	if (code != EXIT_DONE)
		return code;
	buf_init(&targets, LIMIT_SETTING_VALUE);
	code = join_targets(&a, d.name, &targets);
	if (code == EXIT_DONE && is_new)
		code = check_new_alias(&d, address.user);
	if (code == EXIT_DONE)
		code = change_aliases(c, &d, is_new ? add_alias : replace_alias, address.user, buf_text(&targets));
	buf_free(&targets);
	domain_close(&d);
	return code;
}

int
cmd_alias_add(struct ctl *c, int argc, char **argv)
{
	return set_targets(c, argc, argv, true);
}

int
cmd_alias_edit(struct ctl *c, int argc, char **argv)
{
	return set_targets(c, argc, argv, false);
}

int
cmd_alias_delete(struct ctl *c, int argc, char **argv)
{
	struct args a;
	int code = EXIT_DONE;

	if (!args_parse(&a, argc, argv, NULL, 0, 1, ARGS_MAX))
		return EXIT_USAGE;
	for (size_t i = 0; i < a.count && code == EXIT_DONE; i++) {
		struct address address;
		struct domain d;

		code = address_parse(a.item[i], &address);
		if (code == EXIT_DONE)
			code = domain_open(c, address.domain, &d);
		if (code != EXIT_DONE)
			break;
		code = change_aliases(c, &d, remove_alias, address.user, NULL);
		domain_close(&d);
		if (code == EXIT_DONE)
			postmaster_warn(c, address.text);
	}
	return code;
}

static int
list_domain(const struct ctl *c, struct output *o, const char *name)
{
	char address[LIMIT_ADDRESS + 300];
	struct settings *al;
	struct domain d;
	int code = domain_open(c, name, &d);

	if (code != EXIT_DONE)
		return code;
	al = alias_settings(&d);
	for (size_t i = 0; al != NULL && i < settings_count(al, "alias"); i++) {
		snprintf(address, sizeof(address), "%s@%s", settings_entry(al, "alias", i, "name"), d.name);
		output_row(o, address, settings_entry(al, "alias", i, "targets"));
	}
	code = al == NULL ? EXIT_REFUSED : EXIT_DONE;
	settings_free(&al);
	domain_close(&d);
	return code;
}

int
cmd_alias_list(struct ctl *c, int argc, char **argv)
{
	static const char *const columns[] = { "alias", "targets", NULL };

	return domains_list(c, argc, argv, columns, list_domain);
}
