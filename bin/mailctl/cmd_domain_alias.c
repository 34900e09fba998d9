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

typedef int change_fn(struct config_file *f, const char *name, size_t count, char *const *words, struct buf *errors);

static int
remove_names(struct config_file *f, const char *list, size_t count, char *const *words, struct buf *errors)
{
	int code = EXIT_DONE;

	for (size_t i = 0; i < count && code == EXIT_DONE; i++) {
		size_t before = errors->n;

		code = edit_remove(f, list, 1, words + i, errors);
		if (code == EXIT_NO_OBJECT) {
			buf_cut(errors, before);
			buf_printf(errors, "%s is no other name in %s\n", words[i], f->path);
		}
	}
	return code;
}

/* All names or none. */
static int
change(struct ctl *c, int argc, char **argv, change_fn *edit)
{
	struct config_author by;
	struct config_file f;
	struct buf errors;
	struct domain d;
	struct args a;
	int code;

	if (!args_parse(&a, argc, argv, NULL, 0, 2, ARGS_MAX))
		return EXIT_USAGE;
	code = domain_open(c, a.item[0], &d);
	if (code != EXIT_DONE)
		return code;
	buf_init(&errors, 65536);
	code = EXIT_REFUSED;
	if (ctl_author(c, &by) && config_edit(&f, d.fd, d.fd, d.folder, SCOPE_DOMAIN, &errors)) {
		code = edit(&f, LIST, a.count - 1, a.item + 1, &errors);
		if (code == EXIT_DONE)
			code = domain_alias_check(c, &f, d.name);
		if (code == EXIT_DONE && !config_save(&f, &by, &errors))
			code = EXIT_REFUSED;
		config_close(&f);
	}
	ctl_report(code, &errors);
	buf_free(&errors);
	if (code == EXIT_DONE)
		code = ctl_tell_directory(c, "domain", d.name);
	domain_close(&d);
	return code;
}

int
cmd_domain_alias_add(struct ctl *c, int argc, char **argv)
{
	return change(c, argc, argv, edit_add);
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
