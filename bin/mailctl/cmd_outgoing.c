/*
 * cmd_outgoing: outgoing list, add, edit, delete: the gateways through which
 * mail for other hosts goes out (GATE-01).  Passwords come by --password and
 * --admin-password, or by --password-stdin, a line each; they are never shown.
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
	struct gateway_url url;

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
	else if (g.url[0] != '\0' && !gateway_url_parse(span_of(g.url), &url))
		buf_printf(errors, "%s: a url is smtp://HOST:PORT or smtps://HOST:PORT\n", g.url);
	else if (g.is_ours && (g.admin[0] == '\0' || settings_entry(s, LIST, at, "adminPassword")[0] == '\0'))
		buf_text_put(errors, "gatewayMode needs adminUserName and its password: give --admin-password\n");
	else
		return EXIT_DONE;
	return EXIT_REFUSED;
}

/* -- passwords ------------------------------------------------------------------------- */

#define SECRETS 2
static const char *const secret_fields[SECRETS] = { "authPassword", "adminPassword" };

struct secrets {
	size_t count;
	char *word[SECRETS];		/* owned: "authPassword=..." */
};

static int
take_secret(struct ctl *c, struct secrets *s, size_t field, const char *given)
{
	struct buf password;
	int code;

	buf_init(&password, LIMIT_PASSWORD + 1);
	code = ctl_password(c, given, &password);
	if (code == EXIT_DONE) {
		size_t size = strlen(secret_fields[field]) + password.n + 2;

		s->word[s->count] = mem_new(size);
		snprintf(s->word[s->count++], size, "%s=%s", secret_fields[field], buf_text(&password));
	}
	mem_wipe(password.p, password.n);
	buf_free(&password);
	return code;
}

static bool
more_input(void)
{
	int ch = getc(stdin);

	return ch != EOF && ungetc(ch, stdin) != EOF;
}

/* Those given, else with --password-stdin a line each, of which the second may be missing. */
static int
take_secrets(struct ctl *c, struct secrets *s, const char *const *given)
{
	int code = EXIT_DONE;

	for (size_t i = 0; i < SECRETS && code == EXIT_DONE; i++) {
		bool from_input = c->password_stdin && given[0] == NULL && given[1] == NULL && (i == 0 || more_input());

		if (given[i] != NULL || from_input)
			code = take_secret(c, s, i, given[i]);
	}
	return code;
}

typedef int change_fn(struct ctl *c, const struct numbered *n, size_t count, char *const *words);

static int
change(struct ctl *c, int argc, char **argv, change_fn *fn)
{
	const char *given[SECRETS] = { NULL };
	const struct arg_option options[] = { { "--password", &given[0], NULL }, { "--admin-password", &given[1], NULL } };
	struct numbered n = { .list = LIST, .check = check };
	struct secrets s = { .count = 0 };
	struct args a;
	int code;

	if (!args_parse(&a, argc, argv, options, PB_COUNT(options), 1, ARGS_MAX))
		return EXIT_USAGE;
	code = take_secrets(c, &s, given);
	n.secret_count = s.count;
	n.secrets = s.word;
	if (code == EXIT_DONE)
		code = fn(c, &n, a.count, a.item);
	for (size_t i = 0; i < s.count; i++)
		mem_wipe_free(s.word[i], strlen(s.word[i]));
	return code;
}

/* -- commands ---------------------------------------------------------------------------- */

int
cmd_outgoing_list(struct ctl *c, int argc, char **argv)
{
	static const char *const columns[] = { "gateway#", "enabled?", "address", "port#", "tls", "implicitTls?",
		"authUserName", "priorityMin#", "priorityMax#", "gatewayMode?", "url", "adminUserName", NULL };
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
