/*
 * cmd_settings: get and set for the server's own settings.
 */
#include "base/base.h"
#include "commands.h"
#include "args.h"
#include "base/die.h"
#include "caution.h"
#include "config/settings_table.h"
#include "edit.h"
#include "postmaster.h"
#include "show.h"

int
cmd_get(struct ctl *c, int argc, char **argv)
{
	struct settings *st;
	struct args a;
	int code;

	if (!args_parse(&a, argc, argv, NULL, 0, 0, ARGS_MAX))
		return EXIT_USAGE;
	st = ctl_server_settings(c);
	code = show_settings(c, st, SCOPE_SERVER, a.item, a.count);
	settings_free(&st);
	return code;
}

enum set_kind { SET_VALUE, SET_ENABLE, SET_DISABLE, SET_ADD, SET_REMOVE };

struct change {
	enum set_kind kind;
	const struct args *args;
};

/* What a named preset stands for (QUEUE-06); any other value for itself. */
static const char *
preset(const char *name, const char *value)
{
	static const struct { const char *name, *word, *value; } presets[] = {
		{ "retryIntervals", "backupMx", "10,10,10,1440" },
	};

	for (size_t i = 0; i < PB_COUNT(presets); i++)
		if (strcasecmp(name, presets[i].name) == 0 && strcasecmp(value, presets[i].word) == 0)
			return presets[i].value;
	return value;
}

static int
change(struct config_file *f, const void *ctx, struct buf *errors)
{
	const struct change *ch = ctx;
	const struct args *a = ch->args;

	switch (ch->kind) {
	case SET_VALUE:
		return edit_set(f, a->item[0], preset(a->item[0], a->item[1]), errors);
	case SET_ENABLE:
	case SET_DISABLE:
		return edit_switch(f, a->item[0], ch->kind == SET_ENABLE, errors);
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

/* Who gets mail for postmaster must be there (GEN-02). */
static int
check_postmaster(const struct ctl *c, const struct args *a)
{
	char why[512];

	if (strcasecmp(a->item[0], "postmasterMailbox") != 0 || postmaster_is_good(c, a->item[1], why, sizeof(why)))
		return EXIT_DONE;
	return ctl_fail(EXIT_REFUSED, "postmasterMailbox: %s", why);
}

/* SMTPIN-20, SMTPIN-21: what the new value lets strangers do. */
static void
note_risk(const struct args *a)
{
	static const struct { const char *name, *value, *note; } risks[] = {
		{ "enableVrfy", "true", "anyone can find out by VRFY which addresses exist" },
		{ "enableExpn", "true", "anyone can find out by EXPN who the members of aliases and lists are" },
		{ "etrn", "anyone", "anyone can make this server try its deliveries to a domain" },
	};

	for (size_t i = 0; i < PB_COUNT(risks); i++)
		if (strcasecmp(a->item[0], risks[i].name) == 0 &&
		    (strcasecmp(a->item[1], risks[i].value) == 0 || strcmp(a->item[1], "1") == 0))
			fprintf(stderr, "note: %s\n", risks[i].note);
}

/* Before it is done (SMTPIN-27). */
static void
say_cautions(const struct ctl *c, const struct args *a)
{
	bool on;

	caution(a->item[0], a->item[1]);
	if (strcasecmp(a->item[0], "disableAuthLogin") == 0 && setting_bool_parse(span_of(a->item[1]), &on) && on)
		caution_disable_auth_login(c);
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
	struct change ch;
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
	if (kind == SET_VALUE && code == EXIT_DONE)
		code = check_postmaster(c, &a);
	if (kind == SET_VALUE && code == EXIT_DONE)
		say_cautions(c, &a);
	else if (code == EXIT_DONE && (kind == SET_ENABLE || kind == SET_DISABLE))
		caution(a.item[0], kind == SET_ENABLE ? "--enable" : "--disable");
	if (code == EXIT_DONE && kind == SET_VALUE)
		code = tls_check_setting(a.item[0], a.item[1]);
	ch = (struct change){ kind, &a };
	if (code == EXIT_DONE)
		code = edit_etc(c, SCOPE_SERVER, change, &ch);
	if (code == EXIT_DONE && kind == SET_VALUE)
		note_risk(&a);
	return code;
}
