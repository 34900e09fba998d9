/*
 * cmd_gateway: gateway list, add, edit, delete: the servers for which mail is
 * taken in (ROUTE-01).  They have no names: their numbers are their places in
 * the list, from 1, as `gateway list` shows them.
 */
#include "base/base.h"
#include "commands.h"
#include "args.h"
#include "base/die.h"
#include "base/num.h"
#include "config/compile.h"
#include "edit.h"
#include "net/addr.h"
#include "output.h"

#define LIST "incomingGateways/gateway"

struct change {
	size_t at;		/* for edit and delete: from 0 */
	size_t count;
	char *const *words;
};

/* What no single field can be refused for. */
static int
check(const struct config_file *f, size_t at, struct buf *errors)
{
	struct settings *s = compile_settings(f->xml, SCOPE_SERVER);
	const char *address = settings_entry(s, LIST, at, "address");
	bool is_backup = strcmp(settings_entry(s, LIST, at, "mode"), "backupMx") == 0;
	struct addr_range range;
	struct addr one;
	int code = EXIT_REFUSED;

	if (address[0] == '\0')
		buf_text_put(errors, "a gateway needs an address\n");
	else if (is_backup && !addr_range_parse(span_of(address), &range))
		buf_printf(errors, "%s: a backup MX needs the IP address or network of the primary\n", address);
	else if (!is_backup && settings_entry(s, LIST, at, "domains")[0] == '\0')
		buf_text_put(errors, "no domains are named that should be passed on\n");
	else if (settings_entry_bool(s, LIST, at, "userVerification") && !addr_parse(span_of(address), &one))
		buf_printf(errors, "%s: only a server with one IP address can be asked about users\n", address);
	else
		code = EXIT_DONE;
	settings_free(&s);
	return code;
}

static int
add(struct config_file *f, const void *ctx, struct buf *errors)
{
	const struct change *ch = ctx;
	size_t last = edit_count(f, LIST);
	int code = edit_add(f, LIST, ch->count, ch->words, errors);

	return code == EXIT_DONE ? check(f, last, errors) : code;
}

static int
edit(struct config_file *f, const void *ctx, struct buf *errors)
{
	const struct change *ch = ctx;
	int code = edit_change_at(f, LIST, ch->at, ch->count, ch->words, errors);

	return code == EXIT_DONE ? check(f, ch->at, errors) : code;
}

static int
delete(struct config_file *f, const void *ctx, struct buf *errors)
{
	const struct change *ch = ctx;

	return edit_remove_at(f, LIST, ch->at, errors);
}

int
cmd_gateway_list(struct ctl *c, int argc, char **argv)
{
	static const char *const columns[] = { "gateway#", "mode", "address", "port#", "domains", "userVerification?",
		"peerMode?", "spamChecks?", "disableGreylisting?", NULL };
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
		char number[24];

		snprintf(number, sizeof(number), "%zu", i + 1);
		output_row(o, number, settings_entry(s, LIST, i, "mode"), settings_entry(s, LIST, i, "address"),
			settings_entry(s, LIST, i, "port"), settings_entry(s, LIST, i, "domains"),
			settings_entry(s, LIST, i, "userVerification"), settings_entry(s, LIST, i, "peerMode"),
			settings_entry(s, LIST, i, "spamChecks"), settings_entry(s, LIST, i, "disableGreylisting"));
	}
	output_end(&o);
	settings_free(&s);
	return EXIT_DONE;
}

int
cmd_gateway_add(struct ctl *c, int argc, char **argv)
{
	struct args a;
	struct change ch = { .at = 0 };

	if (!args_parse(&a, argc, argv, NULL, 0, 1, ARGS_MAX))
		return EXIT_USAGE;
	ch.count = a.count;
	ch.words = a.item;
	return edit_etc(c, SCOPE_SERVER, add, &ch);
}

/* "NUMBER [FIELD=VALUE ...]" */
static int
change_one(struct ctl *c, int argc, char **argv, size_t min, size_t max, edit_fn *fn)
{
	struct args a;
	struct change ch;
	uint64_t n;

	if (!args_parse(&a, argc, argv, NULL, 0, min, max) || !num_parse(span_of(a.item[0]), 1000, &n) || n == 0)
		return EXIT_USAGE;
	ch = (struct change){ (size_t)n - 1, a.count - 1, a.item + 1 };
	return edit_etc(c, SCOPE_SERVER, fn, &ch);
}

int
cmd_gateway_edit(struct ctl *c, int argc, char **argv)
{
	return change_one(c, argc, argv, 2, ARGS_MAX, edit);
}

int
cmd_gateway_delete(struct ctl *c, int argc, char **argv)
{
	return change_one(c, argc, argv, 1, 1, delete);
}
