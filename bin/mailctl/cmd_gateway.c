/*
 * cmd_gateway: gateway list, add, edit, delete: the servers for which mail is
 * taken in (ROUTE-01).  They have no names: their numbers are their places in
 * the list, from 1, as `gateway list` shows them.
 */
#include "base/base.h"
#include "commands.h"
#include "args.h"
#include "base/die.h"
#include "net/addr.h"
#include "numbered.h"
#include "output.h"

#define LIST "incomingGateways/gateway"

static int
check(const struct settings *s, size_t at, struct buf *errors)
{
	const char *address = settings_entry(s, LIST, at, "address");
	bool is_backup = strcmp(settings_entry(s, LIST, at, "mode"), "backupMx") == 0;
	struct addr_range range;
	struct addr one;

	if (address[0] == '\0')
		buf_text_put(errors, "a gateway needs an address\n");
	else if (is_backup && !addr_range_parse(span_of(address), &range))
		buf_printf(errors, "%s: a backup MX needs the IP address or network of the primary\n", address);
	else if (!is_backup && settings_entry(s, LIST, at, "domains")[0] == '\0')
		buf_text_put(errors, "no domains are named that should be passed on\n");
	else if (settings_entry_bool(s, LIST, at, "userVerification") && !addr_parse(span_of(address), &one))
		buf_printf(errors, "%s: only a server with one IP address can be asked about users\n", address);
	else
		return EXIT_DONE;
	return EXIT_REFUSED;
}

static const struct numbered gateways = { .list = LIST, .check = check };

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

	return args_parse(&a, argc, argv, NULL, 0, 1, ARGS_MAX) ? numbered_add(c, &gateways, a.count, a.item) : EXIT_USAGE;
}

int
cmd_gateway_edit(struct ctl *c, int argc, char **argv)
{
	struct args a;

	return args_parse(&a, argc, argv, NULL, 0, 2, ARGS_MAX) ? numbered_edit(c, &gateways, a.count, a.item) : EXIT_USAGE;
}

int
cmd_gateway_delete(struct ctl *c, int argc, char **argv)
{
	struct args a;

	return args_parse(&a, argc, argv, NULL, 0, 1, 1) ? numbered_delete(c, &gateways, a.count, a.item) : EXIT_USAGE;
}
