/*
 * cmd_trusted: trusted list, add, delete: the senders that a domain or a user
 * wants without greylisting (USER-13).
 */
#include "base/base.h"
#include "commands.h"
#include <errno.h>
#include "account.h"
#include "args.h"
#include "base/die.h"
#include "edit.h"
#include "output.h"
#include "sys/file.h"

#define LIST "trustedSenders/sender"

/* Whose list it is: a domain, or a user of it. */
struct owner {
	struct domain domain;
	struct address user;	/* text "" for the domain itself */
	int fd;			/* folder of the settings file; the domain's own is not closed */
	char folder[CONFIG_PATH_MAX - 64];
};

static void
owner_close(struct owner *o)
{
	if (o->user.text[0] != '\0')
		file_close(&o->fd);
	domain_close(&o->domain);
}

static int
open_user(struct owner *o, const char *text)
{
	if (!user_exists(&o->domain, o->user.user))
		return ctl_fail(EXIT_NO_OBJECT, "there is no user %s", text);
	o->fd = file_open_dir(o->domain.users_fd, o->user.user);
	snprintf(o->folder, sizeof(o->folder), "%s/users/%s", o->domain.folder, o->user.user);
	return o->fd >= 0 ? EXIT_DONE : ctl_fail(ctl_code_of_errno(errno), "%s: %s", text, strerror(errno));
}

static int
owner_open(const struct ctl *c, const char *text, struct owner *o)
{
	bool is_user = strchr(text, '@') != NULL;
	int code = is_user ? address_parse(text, &o->user) : EXIT_DONE;

	if (!is_user)
		o->user.text[0] = '\0';
	if (code == EXIT_DONE)
		code = domain_open(c, is_user ? o->user.domain : text, &o->domain);
	if (code != EXIT_DONE)
		return code;
	o->fd = o->domain.fd;
	snprintf(o->folder, sizeof(o->folder), "%s", o->domain.folder);
	if (is_user && (code = open_user(o, text)) != EXIT_DONE)
		domain_close(&o->domain);
	return code;
}

static enum setting_scope
scope_of(const struct owner *o)
{
	return o->user.text[0] != '\0' ? SCOPE_USER : SCOPE_DOMAIN;
}

static int
add_senders(struct config_file *f, const void *ctx, struct buf *errors)
{
	const struct args *a = ctx;
	int code = EXIT_DONE;

	for (size_t i = 1; code == EXIT_DONE && i < a->count; i++)
		code = edit_add(f, LIST, 1, a->item + i, errors);
	return code;
}

static int
remove_senders(struct config_file *f, const void *ctx, struct buf *errors)
{
	const struct args *a = ctx;
	int code = EXIT_DONE;

	for (size_t i = 1; code == EXIT_DONE && i < a->count; i++)
		code = edit_remove(f, LIST, 1, a->item + i, errors);
	return code;
}

static int
change(struct ctl *c, int argc, char **argv, edit_fn *edit)
{
	struct owner o;
	struct args a;
	int code;

	if (!args_parse(&a, argc, argv, NULL, 0, 2, ARGS_MAX))
		return EXIT_USAGE;
	code = owner_open(c, a.item[0], &o);
	if (code != EXIT_DONE)
		return code;
	code = edit_file(c, o.domain.fd, o.fd, o.folder, scope_of(&o), edit, &a);
	if (code == EXIT_DONE)
		code = scope_of(&o) == SCOPE_USER ? ctl_tell_directory(c, "user", o.user.text) :
			ctl_tell_directory(c, "domain", o.domain.name);
	owner_close(&o);
	return code;
}

int
cmd_trusted_add(struct ctl *c, int argc, char **argv)
{
	return change(c, argc, argv, add_senders);
}

int
cmd_trusted_delete(struct ctl *c, int argc, char **argv)
{
	return change(c, argc, argv, remove_senders);
}

int
cmd_trusted_list(struct ctl *c, int argc, char **argv)
{
	static const char *const columns[] = { "sender", NULL };
	struct settings *st;
	struct output *out;
	struct owner o;
	struct args a;
	int code;

	if (!args_parse(&a, argc, argv, NULL, 0, 1, 1))
		return EXIT_USAGE;
	code = owner_open(c, a.item[0], &o);
	if (code != EXIT_DONE)
		return code;
	st = scope_of(&o) == SCOPE_USER ? user_settings(&o.domain, o.user.user) : domain_settings(&o.domain);
	out = output_begin(c, columns);
	for (size_t i = 0; st != NULL && i < settings_count(st, LIST); i++)
		output_row(out, settings_list(st, LIST, i));
	output_end(&out);
	code = st != NULL ? EXIT_DONE : EXIT_REFUSED;
	settings_free(&st);
	owner_close(&o);
	return code;
}
