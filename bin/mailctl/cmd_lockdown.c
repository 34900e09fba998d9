/*
 * cmd_lockdown: somebody else sends by an account: shut him out and throw
 * away what he brought.
 *
 * The password comes first: once it is another one, sessions that are open end
 * with their next message (smtp-listen) and no new one begins; what they
 * brought before is then deleted from the queue, without bounces.
 */
#include "base/base.h"
#include "commands.h"
#include "account.h"
#include "args.h"
#include "base/die.h"
#include "base/limits.h"
#include "base/mem.h"
#include "output.h"
#include "spool/control.h"
#include "spool_action.h"
#include "spool_choice.h"
#include "sys/random.h"

#define GROUP_COUNT 5
#define GROUP_SIZE 5
#define PASSWORD_SIZE (GROUP_COUNT * (GROUP_SIZE + 1))

static bool
has_class(const char *text, char first, char last)
{
	for (; *text != '\0'; text++)
		if (*text >= first && *text <= last)
			return true;
	return false;
}

/*
 * Groups of signs that are not mistaken for each other, of each class that a rule
 * may ask for; 5.8 bits each.
 */
static void
make_password(char out[PASSWORD_SIZE])
{
	static const char signs[] = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";

	do {
		size_t n = 0;

		for (int g = 0; g < GROUP_COUNT; g++) {
			for (int i = 0; i < GROUP_SIZE; i++)
				out[n++] = signs[random_below(sizeof(signs) - 1)];
			out[n++] = g + 1 < GROUP_COUNT ? '-' : '\0';
		}
	} while (!has_class(out, 'A', 'Z') || !has_class(out, 'a', 'z') || !has_class(out, '2', '9'));
}

static int
set_password(struct ctl *c, char *user, char *password)
{
	char option[] = "--password";
	char *argv[] = { user, option, password };

	/* With --password-stdin it is the administrator's own. */
	return cmd_user_passwd(c, c->password_stdin ? 1 : 3, argv);
}

static int
add_id(void *ctx, uint64_t id)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)id);
	return spool_action_add(ctx, "id", text);
}

/* What leaves the queue by itself meanwhile is not missed. */
static int
purge(const struct ctl *c, const struct spool_choice *ch, uint64_t *deleted)
{
	struct spool_action a = { .c = c, .verb = "delete", .before = "message ", .after = " has left the queue already",
		.at_once = CONTROL_IDS_MAX };
	int code;

	spool_action_begin(&a);
	code = spool_action_finish(&a, spool_choice_each(c, ch, add_id, &a));
	*deleted = a.done;
	return code == EXIT_NO_OBJECT ? EXIT_DONE : code;
}

static void
print(const struct ctl *c, const char *user, const char *password, uint64_t deleted)
{
	static const char *const columns[] = { "user", "password", "deleted#", NULL };
	struct output *o = output_begin(c, columns);
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)deleted);
	output_row(o, user, password, text);
	output_end(&o);
}

int
cmd_lockdown(struct ctl *c, int argc, char **argv)
{
	char where[3 * LIMIT_ADDRESS + 64], password[PASSWORD_SIZE];
	struct spool_choice ch = { .where = where };
	const struct arg_option options[] = { { "--dry-run", NULL, &ch.dry_run } };
	struct address address;
	struct args a;
	uint64_t deleted = 0;
	int code;

	if (!args_parse(&a, argc, argv, options, PB_COUNT(options), 1, 1))
		return EXIT_USAGE;
	code = address_parse(a.item[0], &address);
	if (code != EXIT_DONE)
		return code;
	/* The names of accounts have no sign that a selector would read. */
	snprintf(where, sizeof(where), "auth=\"%s\" | (auth=\"\" & sender=\"%s\")", address.text, address.text);
	if (ch.dry_run)
		return spool_choice_print(c, &ch);
	make_password(password);
	code = set_password(c, address.text, password);
	if (code == EXIT_DONE) {
		code = purge(c, &ch, &deleted);
		if (code != EXIT_DONE)
			ctl_fail(code, "the password is another one, but the queue was not cleared: give the command again");
		print(c, address.text, c->password_stdin ? "***" : password, deleted);
	}
	mem_wipe(password, sizeof(password));
	return code;
}
