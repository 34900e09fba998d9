/*
 * cmd_outgoing: outgoing list, add, edit, delete: the gateways through which
 * mail for other hosts goes out (GATE-01).  The password comes by
 * --password or --password-stdin, and is never shown.
 */
#include "base/base.h"
#include "commands.h"
#include "args.h"
#include "base/die.h"
#include "base/limits.h"
#include "base/mem.h"
#include "config/gateway.h"
#include "numbered.h"
#include "output.h"

#define LIST "gatewayServers/server"

static bool
has_blank(const char *text)
{
	return strpbrk(text, " \t") != NULL;
}

static int
check(const struct settings *s, size_t at, struct buf *errors)
{
	struct gateway_server g;

	gateway_server_get(s, at, &g);
	if (g.address[0] == '\0')
		buf_text_put(errors, "a gateway needs an address\n");
	else if (has_blank(g.address))
		buf_printf(errors, "%s: one IP address or host name is wanted (a port stands in port)\n", g.address);
	else if (g.priority_min > g.priority_max)
		buf_printf(errors, "priorityMin %u is above priorityMax %u: no message would go through it\n",
			g.priority_min, g.priority_max);
	else if (g.user[0] != '\0' && settings_entry(s, LIST, at, "authPassword")[0] == '\0')
		buf_text_put(errors, "authUserName needs a password: give --password or --password-stdin\n");
	else
		return EXIT_DONE;
	return EXIT_REFUSED;
}

/* -- the password --------------------------------------------------------------------- */

typedef int change_fn(struct ctl *c, const struct numbered *n, size_t count, char *const *words);

static int
change(struct ctl *c, int argc, char **argv, change_fn *fn)
{
	const char *given = NULL;
	const struct arg_option options[] = { { "--password", &given, NULL } };
	struct numbered n = { .list = LIST, .check = check };
	struct buf password, word;
	char *secret[1];
	struct args a;
	int code = EXIT_DONE;

	if (!args_parse(&a, argc, argv, options, PB_COUNT(options), 1, ARGS_MAX))
		return EXIT_USAGE;
	buf_init(&password, LIMIT_PASSWORD + 1);
	buf_init(&word, LIMIT_PASSWORD + 64);
	if (given != NULL || c->password_stdin) {
		code = ctl_password(c, given, &password);
		buf_printf(&word, "authPassword=%s", buf_text(&password));
		n.secret_count = 1;
		n.secrets = secret;
		secret[0] = word.p;
	}
	if (code == EXIT_DONE)
		code = fn(c, &n, a.count, a.item);
	mem_wipe(password.p, password.n);
	mem_wipe(word.p, word.n);
	buf_free(&password);
	buf_free(&word);
	return code;
}

/* -- commands ---------------------------------------------------------------------------- */

int
cmd_outgoing_list(struct ctl *c, int argc, char **argv)
{
	static const char *const columns[] = { "gateway#", "enabled?", "address", "port#", "tls", "implicitTls?",
		"authUserName", "priorityMin#", "priorityMax#", NULL };
	struct settings *s;
	struct output *o;
	struct args a;

	if (!args_parse(&a, argc, argv, NULL, 0, 0, 0))
		return EXIT_USAGE;
	s = ctl_server_settings(c);
	if (s == NULL)
		return EXIT_REFUSED;
	o = output_begin(c, columns);
	for (size_t i = 0; i < settings_count(s, LIST); i++) {
		const char *row[PB_COUNT(columns) - 1];
		char number[24];

		snprintf(number, sizeof(number), "%zu", i + 1);
		row[0] = number;
		for (size_t k = 1; k < PB_COUNT(row); k++) {
			char field[32];

			snprintf(field, sizeof(field), "%.*s", (int)strcspn(columns[k], "#?"), columns[k]);
			row[k] = settings_entry(s, LIST, i, field);
		}
		output_row_array(o, row);
	}
	output_end(&o);
	settings_free(&s);
	return EXIT_DONE;
}

int
cmd_outgoing_add(struct ctl *c, int argc, char **argv)
{
	return change(c, argc, argv, numbered_add);
}

int
cmd_outgoing_edit(struct ctl *c, int argc, char **argv)
{
	return change(c, argc, argv, numbered_edit);
}

int
cmd_outgoing_delete(struct ctl *c, int argc, char **argv)
{
	struct numbered n = { .list = LIST, .check = check };
	struct args a;

	return args_parse(&a, argc, argv, NULL, 0, 1, 1) ? numbered_delete(c, &n, a.count, a.item) : EXIT_USAGE;
}
