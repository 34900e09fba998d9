/*
 * cmd_tls: rules of certificates (sslRules), and the check of a pair before it
 * gets into the settings.
 *
 * Rules have no names: their numbers are their places in the list, from 1, as
 * `tls rule list` shows them.
 */
#include "base/base.h"
#include "commands.h"
#include "args.h"
#include "base/die.h"
#include "base/num.h"
#include "config/compile.h"
#include "edit.h"
#include "net/tls.h"
#include "output.h"
#include "tls_pairs.h"

#define RULES "sslRules/rule"

/* The pair of rule `at` as the edited document has it: readable, safe, matching. */
static int
check_pair(const struct ctl *c, const struct config_file *f, size_t at, struct buf *errors)
{
	struct settings *s = compile_settings(f->xml, SCOPE_SERVER);
	const char *path = settings_entry(s, RULES, at, "certificatePath");
	bool expired = false;
	int code = EXIT_REFUSED;

	if (tls_pair_fits(c, path, settings_entry(s, RULES, at, "privateKeyPath"), &expired, errors)) {
		if (expired)
			fprintf(stderr, "mailctl: warning: %s has expired\n", path);
		code = EXIT_DONE;
	}
	settings_free(&s);
	return code;
}

struct rule_change {
	const struct ctl *c;
	size_t at;		/* for edit and delete: from 0 */
	size_t count;
	char *const *words;
};

static int
add(struct config_file *f, const void *ctx, struct buf *errors)
{
	const struct rule_change *ch = ctx;
	size_t last = edit_count(f, RULES);
	int code = edit_add(f, RULES, ch->count, ch->words, errors);

	return code == EXIT_DONE ? check_pair(ch->c, f, last, errors) : code;
}

static int
edit(struct config_file *f, const void *ctx, struct buf *errors)
{
	const struct rule_change *ch = ctx;
	int code = edit_change_at(f, RULES, ch->at, ch->count, ch->words, errors);

	return code == EXIT_DONE ? check_pair(ch->c, f, ch->at, errors) : code;
}

static int
delete(struct config_file *f, const void *ctx, struct buf *errors)
{
	const struct rule_change *ch = ctx;

	return edit_remove_at(f, RULES, ch->at, errors);
}

static int
list(const struct ctl *c)
{
	static const char *const columns[] = { "rule#", "ipAddress", "smtpPort#", "popPort#", "imapPort#", "type",
		"certificatePath", "privateKeyPath", NULL };
	struct settings *s = ctl_server_settings(c);
	struct output *o;

	if (s == NULL)
		return EXIT_REFUSED;
	o = output_begin(c, columns);
	for (size_t i = 0; i < settings_count(s, RULES); i++) {
		char number[24];

		snprintf(number, sizeof(number), "%zu", i + 1);
		output_row(o, number, settings_entry(s, RULES, i, "ipAddress"), settings_entry(s, RULES, i, "smtpPort"),
			settings_entry(s, RULES, i, "popPort"), settings_entry(s, RULES, i, "imapPort"),
			settings_entry(s, RULES, i, "type"), settings_entry(s, RULES, i, "certificatePath"),
			settings_entry(s, RULES, i, "privateKeyPath"));
	}
	output_end(&o);
	settings_free(&s);
	return EXIT_DONE;
}

static bool
read_number(const char *text, size_t *at)
{
	uint64_t n;

	if (!num_parse(span_of(text), 64, &n) || n == 0)
		return false;
	*at = (size_t)n - 1;
	return true;
}

/* TLS-06: what is open goes on with what it has. */
static int
after_delete(struct ctl *c, bool restarts)
{
	if (restarts)
		return cmd_service_restart(c, 0, NULL);
	fprintf(stderr, "mailctl: connections that are open keep the rule until they end; "
		"a restart is needed to end them (mailctl restart)\n");
	return EXIT_DONE;
}

int
cmd_tls_rule(struct ctl *c, int argc, char **argv)
{
	bool restarts = false;
	const struct arg_option options[] = { { "--restart", NULL, &restarts } };
	struct rule_change ch = { .c = c };
	struct args a;
	int code;

	if (!args_parse(&a, argc, argv, options, PB_COUNT(options), 1, ARGS_MAX))
		return EXIT_USAGE;
	if (strcmp(a.item[0], "list") == 0 && a.count == 1)
		return list(c);
	if (strcmp(a.item[0], "add") == 0 && a.count > 1) {
		ch.count = a.count - 1;
		ch.words = a.item + 1;
		return edit_etc(c, SCOPE_SERVER, add, &ch);
	}
	if (a.count < 2 || !read_number(a.item[1], &ch.at))
		return EXIT_USAGE;
	if (strcmp(a.item[0], "edit") == 0 && a.count > 2) {
		ch.count = a.count - 2;
		ch.words = a.item + 2;
		return edit_etc(c, SCOPE_SERVER, edit, &ch);
	}
	if (strcmp(a.item[0], "delete") != 0 || a.count != 2)
		return EXIT_USAGE;
	code = edit_etc(c, SCOPE_SERVER, delete, &ch);
	return code == EXIT_DONE ? after_delete(c, restarts) : code;
}

int
tls_check_setting(const char *name, const char *value)
{
	char error[TLS_ERROR_MAX];
	bool good = true;

	if (strcasecmp(name, "tlsCiphers") == 0)
		good = tls_ciphers_known(value, error);
	else if (strcasecmp(name, "tlsCipherSuites") == 0)
		good = tls_suites_known(value, error);
	return good ? EXIT_DONE : ctl_fail(EXIT_REFUSED, "%s: %s", name, error);
}
