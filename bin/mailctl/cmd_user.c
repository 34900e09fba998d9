/*
 * cmd_user: user add, list, show, edit, delete, passwd.
 */
#include "base/base.h"
#include "commands.h"
#include <errno.h>
#include "account.h"
#include "args.h"
#include "base/die.h"
#include "base/mem.h"
#include "edit.h"
#include "output.h"
#include "postmaster.h"
#include "show.h"
#include "sys/file.h"

/* Open the domain of an address. */
static int
open_address(const struct ctl *c, const char *text, struct address *address, struct domain *d)
{
	int code = address_parse(text, address);

	return code == EXIT_DONE ? domain_open(c, address->domain, d) : code;
}

static int
open_user(const struct ctl *c, const char *text, struct address *address, struct domain *d)
{
	int code = open_address(c, text, address, d);

	if (code == EXIT_DONE && !user_exists(d, address->user)) {
		domain_close(d);
		code = ctl_fail(EXIT_NO_OBJECT, "there is no user %s", address->text);
	}
	return code;
}

static bool
alias_exists(const struct domain *d, const char *name)
{
	struct settings *al = alias_settings(d);
	bool found = false;

	for (size_t i = 0; al != NULL && i < settings_count(al, "alias"); i++)
		found |= strcmp(settings_entry(al, "alias", i, "name"), name) == 0;
	settings_free(&al);
	return found;
}

int
cmd_user_add(struct ctl *c, int argc, char **argv)
{
	const char *given = NULL;
	struct user_new u = { .full_name = NULL };
	const struct arg_option options[] = {
		{ "--password", &given, NULL }, { "--full-name", &u.full_name, NULL },
		{ "--domain-admin", NULL, &u.is_admin },
	};
	struct address address;
	struct buf password;
	struct domain d;
	struct args a;
	int code;

	if (!args_parse(&a, argc, argv, options, PB_COUNT(options), 1, ARGS_MAX))
		return EXIT_USAGE;
	code = open_address(c, a.item[0], &address, &d);
	if (code != EXIT_DONE)
		return code;
	if (alias_exists(&d, address.user))
		code = ctl_fail(EXIT_REFUSED, "%s is an alias", address.text);
	buf_init(&password, LIMIT_PASSWORD + 1);
	if (code == EXIT_DONE)
		code = ctl_password(c, given, &password);
	u.user = address.user;
	u.password = buf_view(&password);
	u.word_count = a.count - 1;
	u.words = a.item + 1;
	if (code == EXIT_DONE)
		code = user_make(c, &d, &u);
	mem_wipe(password.p, password.n);
	buf_free(&password);
	domain_close(&d);
	return code;
}

static void
list_users(struct output *o, const struct domain *d)
{
	size_t n;
	char **names = names_list(d->users_fd, "userConfig.xml", &n);
	char address[LIMIT_ADDRESS + 1];

	for (size_t i = 0; i < n; i++) {
		struct settings *st = user_settings(d, names[i]);

		if (st == NULL)
			continue;
		snprintf(address, sizeof(address), "%s@%s", names[i], d->name);
		output_row(o, address, settings_text(st, "fullName"), settings_text(st, "accountType"),
			settings_bool(st, "disabled") ? "disabled" : "enabled", settings_text(st, "mailboxSizeMB"));
		settings_free(&st);
	}
	names_free(names);
}

static int
list_domain(const struct ctl *c, struct output *o, const char *name)
{
	struct domain d;
	int code = domain_open(c, name, &d);

	if (code != EXIT_DONE)
		return code;
	list_users(o, &d);
	domain_close(&d);
	return EXIT_DONE;
}

int
cmd_user_list(struct ctl *c, int argc, char **argv)
{
	static const char *const columns[] = { "user", "fullName", "type", "state", "mailboxSizeMB#", NULL };

	return domains_list(c, argc, argv, columns, list_domain);
}

int
cmd_user_show(struct ctl *c, int argc, char **argv)
{
	struct address address;
	struct settings *st;
	struct domain d;
	struct args a;
	int code;

	if (!args_parse(&a, argc, argv, NULL, 0, 1, ARGS_MAX))
		return EXIT_USAGE;
	code = open_user(c, a.item[0], &address, &d);
	if (code != EXIT_DONE)
		return code;
	st = user_settings(&d, address.user);
	code = show_settings(c, st, SCOPE_USER, a.item + 1, a.count - 1);
	settings_free(&st);
	domain_close(&d);
	return code;
}

/* What an open userConfig.xml is changed by. */
struct change {
	const struct args *words;		/* NULL: none */
	const struct settings *domain;		/* with password: what it offers */
	struct span password;			/* p == NULL: not changed */
};

static int
apply(struct config_file *f, const void *ctx, struct buf *errors)
{
	const struct change *change = ctx;
	int code = EXIT_DONE;

	if (change->words != NULL)
		code = edit_words(f, change->words->count - 1, change->words->item + 1, errors);
	if (code == EXIT_DONE && change->password.p != NULL)
		code = user_set_password(change->domain, f, change->password);
	return code;
}

static int
change_user(struct ctl *c, const struct domain *d, const struct address *address, const struct change *change)
{
	char folder[CONFIG_PATH_MAX - 64];
	int code, fd = file_open_dir(d->users_fd, address->user);

	if (fd < 0)
		return ctl_fail(ctl_code_of_errno(errno), "%s: %s", address->text, strerror(errno));
	snprintf(folder, sizeof(folder), "%s/users/%s", d->folder, address->user);
	code = edit_file(c, d->fd, fd, folder, SCOPE_USER, apply, change);
	file_close(&fd);
	return code == EXIT_DONE ? ctl_tell_directory(c, "user", address->text) : code;
}

int
cmd_user_edit(struct ctl *c, int argc, char **argv)
{
	struct address address;
	struct domain d;
	struct args a;
	struct change change = { &a, NULL, SPAN_NONE };
	int code;

	if (!args_parse(&a, argc, argv, NULL, 0, 2, ARGS_MAX))
		return EXIT_USAGE;
	code = open_user(c, a.item[0], &address, &d);
	if (code != EXIT_DONE)
		return code;
	code = change_user(c, &d, &address, &change);
	domain_close(&d);
	if (code == EXIT_DONE)
		postmaster_warn(c, address.text);
	return code;
}

int
cmd_user_passwd(struct ctl *c, int argc, char **argv)
{
	const char *given = NULL;
	const struct arg_option options[] = { { "--password", &given, NULL } };
	struct change change = { NULL, NULL, SPAN_NONE };
	struct settings *domain = NULL;
	struct address address;
	struct buf password;
	struct domain d;
	struct args a;
	int code;

	if (!args_parse(&a, argc, argv, options, PB_COUNT(options), 1, 1))
		return EXIT_USAGE;
	code = open_user(c, a.item[0], &address, &d);
	if (code != EXIT_DONE)
		return code;
	buf_init(&password, LIMIT_PASSWORD + 1);
	code = ctl_password(c, given, &password);
	if (code == EXIT_DONE)
		code = user_check_password(c, buf_view(&password), address.user);
	if (code == EXIT_DONE && (domain = domain_settings(&d)) == NULL)
		code = EXIT_REFUSED;
	change.domain = domain;
	change.password = buf_view(&password);
	if (code == EXIT_DONE)
		code = change_user(c, &d, &address, &change);
	settings_free(&domain);
	mem_wipe(password.p, password.n);
	buf_free(&password);
	domain_close(&d);
	return code;
}

/* The last administrator of a domain stays (ROLE-03). */
static int
check_last_admin(const struct domain *d, const char *user)
{
	struct settings *st = user_settings(d, user);
	bool is_admin = st != NULL && strcmp(settings_text(st, "accountType"), "domainAdmin") == 0;
	char **names;
	size_t n, admins = 0;

	settings_free(&st);
	if (!is_admin)
		return EXIT_DONE;
	names = names_list(d->users_fd, "userConfig.xml", &n);
	for (size_t i = 0; i < n && admins < 2; i++) {
		st = user_settings(d, names[i]);
		if (st != NULL && strcmp(settings_text(st, "accountType"), "domainAdmin") == 0)
			admins++;
		settings_free(&st);
	}
	names_free(names);
	return admins >= 2 ? EXIT_DONE :
		ctl_fail(EXIT_REFUSED, "%s@%s is the last administrator of the domain", user, d->name);
}

static int
delete_user(struct ctl *c, const char *text)
{
	struct address address;
	struct domain d;
	char path[LIMIT_LOCAL_PART + 32];
	int code = open_user(c, text, &address, &d);

	if (code != EXIT_DONE)
		return code;
	code = check_last_admin(&d, address.user);
	snprintf(path, sizeof(path), "%s/userConfig.xml", address.user);
	if (code == EXIT_DONE && file_unlinkat(d.users_fd, path, 0) != 0)
		code = ctl_fail(ctl_code_of_errno(errno), "%s: %s", address.text, strerror(errno));
	/* The account is gone before its mail is: nobody logs in to half a mailbox. */
	if (code == EXIT_DONE)
		code = ctl_tell_directory(c, "user", address.text);
	if (code == EXIT_DONE && tree_remove(d.users_fd, address.user) != 0)
		code = ctl_fail(EXIT_TRY_LATER, "%s: %s", address.text, strerror(errno));
	domain_close(&d);
	return code;
}

int
cmd_user_delete(struct ctl *c, int argc, char **argv)
{
	struct args a;
	int code = EXIT_DONE;

	if (!args_parse(&a, argc, argv, NULL, 0, 1, ARGS_MAX))
		return EXIT_USAGE;
	if (!c->yes)
		return ctl_fail(EXIT_REFUSED, "the mail would be lost; add --yes");
	for (size_t i = 0; i < a.count && code == EXIT_DONE; i++)
		if ((code = delete_user(c, a.item[i])) == EXIT_DONE)
			postmaster_warn(c, a.item[i]);
	return code;
}
