/*
 * cmd_domain_alias: domain-alias add, list, delete: other names of a domain, at which
 * its users and aliases have their addresses too (USER-05).
 */
#include "base/base.h"
#include "commands.h"
#include "account.h"
#include "args.h"
#include "base/die.h"
#include "domain_alias.h"
#include "edit.h"
#include "output.h"
#include "sys/file.h"

#define LIST "domainAliases/domainAlias"

/* Names of one domain, to be added or removed. */
struct names {
	const struct ctl *c;
	const char *domain;
	size_t count;
	char *const *names;
};

static int
add_names(struct config_file *f, const void *ctx, struct buf *errors)
{
	const struct names *n = ctx;
	int code = edit_add(f, LIST, n->count, n->names, errors);

	return code == EXIT_DONE ? domain_alias_check(n->c, f, n->domain) : code;
}

static int
remove_names(struct config_file *f, const void *ctx, struct buf *errors)
{
	const struct names *n = ctx;
	int code = EXIT_DONE;

	for (size_t i = 0; i < n->count && code == EXIT_DONE; i++) {
		size_t before = errors->n;

		code = edit_remove(f, LIST, 1, n->names + i, errors);
		if (code == EXIT_NO_OBJECT) {
			buf_cut(errors, before);
			buf_printf(errors, "%s is no other name in %s\n", n->names[i], f->path);
		}
	}
	return code == EXIT_DONE ? domain_alias_check(n->c, f, n->domain) : code;
}

/* All names or none. */
static int
change(struct ctl *c, int argc, char **argv, edit_fn *edit)
{
	struct names names;
	struct domain d;
	struct args a;
	int code;

	if (!args_parse(&a, argc, argv, NULL, 0, 2, ARGS_MAX))
		return EXIT_USAGE;
	code = domain_open(c, a.item[0], &d);
	if (code != EXIT_DONE)
		return code;
	names = (struct names){ c, d.name, a.count - 1, a.item + 1 };
	code = edit_file(c, d.fd, d.fd, d.folder, SCOPE_DOMAIN, edit, &names);
	if (code == EXIT_DONE)
		code = ctl_tell_directory(c, "domain", d.name);
	domain_close(&d);
	return code;
}

int
cmd_domain_alias_add(struct ctl *c, int argc, char **argv)
{
	return change(c, argc, argv, add_names);
}

int
cmd_domain_alias_delete(struct ctl *c, int argc, char **argv)
{
	return change(c, argc, argv, remove_names);
}

static int
list_domain(const struct ctl *c, struct output *o, const char *name)
{
	struct settings *st;
	struct domain d;
	int code = domain_open(c, name, &d);

	if (code != EXIT_DONE)
		return code;
	st = domain_settings(&d);
	for (size_t i = 0; st != NULL && i < settings_count(st, LIST); i++)
		output_row(o, settings_list(st, LIST, i), d.name);
	code = st == NULL ? EXIT_REFUSED : EXIT_DONE;
	settings_free(&st);
	domain_close(&d);
	return code;
}

int
cmd_domain_alias_list(struct ctl *c, int argc, char **argv)
{
	static const char *const columns[] = { "alias", "domain", NULL };

	return domains_list(c, argc, argv, columns, list_domain);
}
