/*
 * cmd_settings: get and set for the server's own settings.
 */
#include "base/base.h"
#include "commands.h"
#include <errno.h>
#include "args.h"
#include "base/die.h"
#include "base/limits.h"
#include "base/mem.h"
#include "config/compile.h"
#include "edit.h"
#include "output.h"
#include "show.h"
#include "sys/file.h"

int
cmd_get(struct ctl *c, int argc, char **argv)
{
	struct settings *st;
	struct args a;
	int code = EXIT_DONE;

	if (!args_parse(&a, argc, argv, NULL, 0, 0, ARGS_MAX))
		return EXIT_USAGE;
	st = ctl_server_settings(c);
	if (st == NULL)
		return EXIT_REFUSED;
	if (a.count == 0)
		show_settings(c, st, SCOPE_SERVER);
	for (size_t i = 0; i < a.count && code == EXIT_DONE; i++)
		code = show_setting(c, st, SCOPE_SERVER, a.item[i]);
	settings_free(&st);
	return code;
}

enum set_kind { SET_VALUE, SET_ENABLE, SET_DISABLE, SET_ADD, SET_REMOVE };

static int
change(struct config_file *f, enum set_kind kind, const struct args *a, struct buf *errors)
{
	switch (kind) {
	case SET_VALUE:
		return edit_set(f, a->item[0], a->item[1], errors);
	case SET_ENABLE:
	case SET_DISABLE:
		return edit_switch(f, a->item[0], kind == SET_ENABLE, errors);
	case SET_ADD:
		return edit_add(f, a->item[0], a->count - 1, a->item + 1, errors);
	case SET_REMOVE:
		return edit_remove(f, a->item[0], a->count - 1, a->item + 1, errors);
	}
	return EXIT_USAGE;
}

/* Settings that lock people out or open the server ask for --yes (SMTPIN-06, SMTPIN-27). */
static int
check_danger(const struct ctl *c, const struct args *a)
{
	if (c->yes || strcasecmp(a->item[0], "allowRelay") != 0 || strcasecmp(a->item[1], "anyone") != 0)
		return EXIT_DONE;
	return ctl_fail(EXIT_REFUSED, "anyone could send anything through this server; add --force if that is meant");
}

static int
save_change(struct ctl *c, enum set_kind kind, const struct args *a)
{
	int etc = ctl_open_dir(c, "etc"), code = EXIT_NO_RIGHT;
	struct config_author by;
	struct config_file f;
	struct buf errors;

	if (etc < 0)
		return EXIT_NO_RIGHT;
	buf_init(&errors, 65536);
	if (ctl_author(c, &by) && config_edit(&f, etc, etc, "etc", SCOPE_SERVER, &errors)) {
		code = change(&f, kind, a, &errors);
		if (code == EXIT_DONE && !config_save(&f, &by, &errors))
			code = EXIT_REFUSED;
		config_close(&f);
	} else if (errors.n > 0) {
		code = EXIT_REFUSED;
	}
	ctl_report(code, &errors);
	buf_free(&errors);
	file_close(&etc);
	c->was_edited |= code == EXIT_DONE;
	return code;
}

int
cmd_set(struct ctl *c, int argc, char **argv)
{
	bool enable = false, disable = false, add = false, take = false;
	const struct arg_option options[] = {
		{ "--enable", NULL, &enable }, { "--disable", NULL, &disable },
		{ "--add", NULL, &add }, { "--remove", NULL, &take },
	};
	enum set_kind kind;
	struct args a;
	int code;

	if (!args_parse(&a, argc, argv, options, PB_COUNT(options), 1, ARGS_MAX))
		return EXIT_USAGE;
	if (enable + disable + add + take > 1)
		return EXIT_USAGE;
	kind = enable ? SET_ENABLE : disable ? SET_DISABLE : add ? SET_ADD : take ? SET_REMOVE : SET_VALUE;
	if (((enable || disable) && a.count != 1) || ((add || take) && a.count < 2) ||
	    (kind == SET_VALUE && a.count != 2))
		return EXIT_USAGE;
	code = kind == SET_VALUE ? check_danger(c, &a) : EXIT_DONE;
	return code == EXIT_DONE ? save_change(c, kind, &a) : code;
}
