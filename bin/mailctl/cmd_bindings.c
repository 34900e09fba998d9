/*
 * cmd_bindings: on which addresses the server listens, and with which ports
 * (BIND-01, BIND-02, BIND-05).
 *
 * One word is a port (a number) or an address; the host name of an address
 * belongs to it.
 */
#include "base/base.h"
#include "commands.h"
#include <ifaddrs.h>
#include "args.h"
#include "base/die.h"
#include "base/num.h"
#include "config/bindings.h"
#include "edit.h"
#include "net/addr.h"
#include "output.h"

#define ADDRESSES "bindings/ipAddress"
#define PORTS "bindings/port"
#define NAMES "hostNames/hostName"

static bool
is_port(const char *word, uint64_t *number)
{
	return num_parse(span_of(word), 65535, number) && *number > 0;
}

/* Canonical text of an address; false after a message. */
static bool
read_address(const char *word, struct addr *a, char text[ADDR_TEXT_MAX])
{
	if (!addr_parse(span_of(word), a)) {
		ctl_fail(EXIT_REFUSED, "%s is no address and no port", word);
		return false;
	}
	(void)addr_print(a, text, ADDR_TEXT_MAX);
	return true;
}

/* The entry of a list whose field is this address; -1 when there is none. */
static ssize_t
find_address(const struct settings *st, const char *list, const char *field, const struct addr *want)
{
	struct addr a;

	for (size_t i = 0; i < settings_count(st, list); i++)
		if (addr_parse(span_of(settings_entry(st, list, i, field)), &a) && addr_eq_ip(&a, want))
			return (ssize_t)i;
	return -1;
}

static void
put_port_of(struct buf *out, const char *ports, uint64_t number, const char *service)
{
	if (binding_list_has(ports, number))
		buf_printf(out, "%s%llu %s", out->n > 0 ? ", " : "", (unsigned long long)number, service);
}

/* "25 smtp, 587 submission": what is open on an address with this list of ports. */
static void
put_ports(const struct settings *st, const char *ports, struct buf *out)
{
	size_t n = settings_count(st, PORTS);

	for (size_t i = 0; i < n; i++)
		put_port_of(out, ports, settings_entry_num(st, PORTS, i, "number"), settings_entry(st, PORTS, i, "service"));
	for (size_t i = 0; n == 0 && i < binding_count; i++)
		put_port_of(out, ports, binding_table[i].number, binding_table[i].service);
}

static void
put_address(struct output *o, const struct settings *st, const char *text, const char *listed, const char *ports)
{
	ssize_t name = -1;
	struct buf open;
	struct addr a;

	buf_init(&open, 4096);
	if (ports != NULL)
		put_ports(st, ports, &open);
	if (addr_parse(span_of(text), &a))
		name = find_address(st, NAMES, "ip", &a);
	output_row(o, text, listed, buf_text(&open), name >= 0 ? settings_entry(st, NAMES, (size_t)name, "name") : "");
	buf_free(&open);
}

/* An address of the machine that no entry names: what "all addresses" opens on it. */
static void
put_machine_address(struct output *o, const struct settings *st, const struct addr *a)
{
	static const char *const any[] = { "0.0.0.0", "::" };
	size_t n = settings_count(st, ADDRESSES);
	char text[ADDR_TEXT_MAX];
	struct addr all;
	ssize_t i;

	if (find_address(st, ADDRESSES, "address", a) >= 0 || !addr_parse(span_of(any[a->family == AF_INET6]), &all))
		return;
	i = find_address(st, ADDRESSES, "address", &all);
	put_address(o, st, addr_print(a, text, sizeof(text)), "False",
		i >= 0 ? settings_entry(st, ADDRESSES, (size_t)i, "ports") : n == 0 ? "" : NULL);
}

static void
list_addresses(struct ctl *c, const struct settings *st)
{
	static const char *const columns[] = { "address", "listed?", "open", "host-name", NULL };
	struct output *o = output_begin(c, columns);
	struct ifaddrs *all = NULL;

	for (size_t i = 0; i < settings_count(st, ADDRESSES); i++)
		put_address(o, st, settings_entry(st, ADDRESSES, i, "address"), "True",
			settings_entry(st, ADDRESSES, i, "ports"));
	if (getifaddrs(&all) == 0) {
		for (const struct ifaddrs *f = all; f != NULL; f = f->ifa_next) {
			socklen_t size = sizeof(struct sockaddr_in6);
			struct addr a;

			if (f->ifa_addr != NULL && addr_from_sockaddr(f->ifa_addr, size, &a) &&
			    (a.family == AF_INET || a.family == AF_INET6))
				put_machine_address(o, st, &a);
		}
		freeifaddrs(all);
	}
	output_end(&o);
}

static size_t
list_ports(struct ctl *c, const struct settings *st, uint64_t only)
{
	static const char *const columns[] = { "port#", "service", "tls", NULL };
	struct output *o = output_begin(c, columns);
	size_t n = settings_count(st, PORTS), rows;

	for (size_t i = 0; i < (n > 0 ? n : binding_count); i++) {
		uint64_t number = n > 0 ? settings_entry_num(st, PORTS, i, "number") : binding_table[i].number;
		const char *service = n > 0 ? settings_entry(st, PORTS, i, "service") : binding_table[i].service;
		char text[24];

		if (only != 0 && only != number)
			continue;
		(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
		output_row(o, text, service, strcmp(service, "smtps") == 0 || strcmp(service, "pop3s") == 0 ||
			strcmp(service, "imaps") == 0 ? "from the first byte" : "STARTTLS");
	}
	rows = output_rows(o);
	output_end(&o);
	return rows;
}

int
cmd_bindings_list(struct ctl *c, int argc, char **argv)
{
	struct settings *st;
	struct args a;

	if (!args_parse(&a, argc, argv, NULL, 0, 0, 1) || (a.count == 1 && strcmp(a.item[0], "ports") != 0))
		return EXIT_USAGE;
	st = ctl_server_settings(c);
	if (st == NULL)
		return EXIT_REFUSED;
	if (a.count == 1)
		(void)list_ports(c, st, 0);
	else
		list_addresses(c, st);
	settings_free(&st);
	return EXIT_DONE;
}

static int
show_address(struct ctl *c, const struct settings *st, const char *word)
{
	static const char *const columns[] = { "address", "listed?", "open", "host-name", NULL };
	char text[ADDR_TEXT_MAX];
	struct output *o;
	struct addr a;
	ssize_t i;

	if (!read_address(word, &a, text))
		return EXIT_REFUSED;
	i = find_address(st, ADDRESSES, "address", &a);
	if (i < 0 && find_address(st, NAMES, "ip", &a) < 0)
		return ctl_fail(EXIT_NO_OBJECT, "%s is not in the list", text);
	o = output_begin(c, columns);
	put_address(o, st, text, i < 0 ? "False" : "True", i < 0 ? NULL : settings_entry(st, ADDRESSES, (size_t)i, "ports"));
	output_end(&o);
	return EXIT_DONE;
}

int
cmd_bindings_show(struct ctl *c, int argc, char **argv)
{
	struct settings *st;
	uint64_t number;
	struct args a;
	int code = EXIT_DONE;

	if (!args_parse(&a, argc, argv, NULL, 0, 1, 1))
		return EXIT_USAGE;
	st = ctl_server_settings(c);
	if (st == NULL)
		return EXIT_REFUSED;
	if (!is_port(a.item[0], &number))
		code = show_address(c, st, a.item[0]);
	else if (list_ports(c, st, number) == 0)
		code = ctl_fail(EXIT_NO_OBJECT, "port %s is not in the list", a.item[0]);
	settings_free(&st);
	return code;
}

/* One change: which entry, and what it is to be. */
struct change {
	char match[ADDR_TEXT_MAX + 16];		/* "address=..." or "number=..." */
	bool is_port, is_new, removes;
	bool fills_ports;	/* no port is named yet: the usual ones are written first */
	bool has_entry, has_name;	/* an address: it stands in the list; it has a host name */
	const char *old_address, *old_name;	/* as they are written in the settings */
	const char *service, *ports, *name;	/* NULL: not said; name "": none */
};

static int
set_name(struct config_file *f, const struct change *ch, struct buf *errors)
{
	char ip[ADDR_TEXT_MAX + 8], name[300], *words[] = { ip, name };
	int code = EXIT_DONE;

	(void)snprintf(ip, sizeof(ip), "ip=%s", ch->has_name ? ch->old_name : ch->match + strlen("address="));
	if (ch->has_name)
		code = edit_remove(f, NAMES, 1, words, errors);
	if (code != EXIT_DONE || ch->name == NULL || ch->name[0] == '\0')
		return code;
	(void)snprintf(ip, sizeof(ip), "ip=%s", ch->match + strlen("address="));
	(void)snprintf(name, sizeof(name), "name=%s", ch->name);
	return edit_add(f, NAMES, 2, words, errors);
}

static int
change_address(struct config_file *f, const struct change *ch, struct buf *errors)
{
	char match[ADDR_TEXT_MAX + 16], ports[300], *words[] = { match, ports };
	int code = EXIT_DONE;

	(void)snprintf(match, sizeof(match), "address=%s", ch->has_entry ? ch->old_address : ch->match + strlen("address="));
	(void)snprintf(ports, sizeof(ports), "ports=%s", ch->ports != NULL ? ch->ports : "");
	if (ch->removes && ch->has_entry)
		code = edit_remove(f, ADDRESSES, 1, words, errors);
	else if (ch->is_new)
		code = edit_add(f, ADDRESSES, 2, words, errors);
	else if (ch->ports != NULL)
		code = edit_entry(f, ADDRESSES, 1, words, 1, words + 1, errors);
	if (code == EXIT_DONE && ((ch->removes && ch->has_name) || ch->name != NULL))
		code = set_name(f, ch, errors);
	return code;
}

static int
change_port(struct config_file *f, const struct change *ch, struct buf *errors)
{
	char match[ADDR_TEXT_MAX + 16], service[64], *words[] = { match, service };
	int code = EXIT_DONE;

	for (size_t i = 0; ch->fills_ports && code == EXIT_DONE && i < binding_count; i++) {
		(void)snprintf(match, sizeof(match), "number=%u", binding_table[i].number);
		(void)snprintf(service, sizeof(service), "service=%s", binding_table[i].service);
		code = edit_add(f, PORTS, 2, words, errors);
	}
	(void)snprintf(match, sizeof(match), "%s", ch->match);
	(void)snprintf(service, sizeof(service), "service=%s", ch->service != NULL ? ch->service : "");
	if (code != EXIT_DONE)
		return code;
	if (ch->removes)
		return edit_remove(f, PORTS, 1, words, errors);
	return ch->is_new ? edit_add(f, PORTS, 2, words, errors) : edit_entry(f, PORTS, 1, words, 1, words + 1, errors);
}

static int
apply(struct config_file *f, const void *ctx, struct buf *errors)
{
	const struct change *ch = ctx;

	return ch->is_port ? change_port(f, ch, errors) : change_address(f, ch, errors);
}

/* "service=...", "ports=...", "hostName=..." behind the first word. */
static bool
read_words(const struct args *a, struct change *ch)
{
	for (size_t i = 1; i < a->count; i++) {
		struct span value = span_of(a->item[i]), name = span_cut(&value, '=');

		if (value.p != NULL && ch->is_port && span_is(name, "service"))
			ch->service = value.p;
		else if (value.p != NULL && !ch->is_port && span_is(name, "ports"))
			ch->ports = value.p;
		else if (value.p != NULL && !ch->is_port && span_is(name, "hostName"))
			ch->name = value.p;
		else
			return false;
	}
	return true;
}

static bool
has_port(const struct settings *st, uint64_t number)
{
	size_t n = settings_count(st, PORTS);

	for (size_t i = 0; i < (n > 0 ? n : binding_count); i++)
		if ((n > 0 ? settings_entry_num(st, PORTS, i, "number") : binding_table[i].number) == number)
			return true;
	return false;
}

/* What the first word names, and what stands in the settings of it. */
static int
find_object(const struct settings *st, const char *word, struct change *ch, bool *exists)
{
	char text[ADDR_TEXT_MAX];
	uint64_t number;
	struct addr a;
	ssize_t entry, name;

	ch->is_port = is_port(word, &number);
	if (ch->is_port) {
		(void)snprintf(ch->match, sizeof(ch->match), "number=%llu", (unsigned long long)number);
		ch->fills_ports = settings_count(st, PORTS) == 0;
		*exists = has_port(st, number);
		return EXIT_DONE;
	}
	if (!read_address(word, &a, text))
		return EXIT_REFUSED;
	(void)snprintf(ch->match, sizeof(ch->match), "address=%s", text);
	entry = find_address(st, ADDRESSES, "address", &a);
	name = find_address(st, NAMES, "ip", &a);
	ch->has_entry = entry >= 0;
	ch->has_name = name >= 0;
	ch->old_address = entry >= 0 ? settings_entry(st, ADDRESSES, (size_t)entry, "address") : "";
	ch->old_name = name >= 0 ? settings_entry(st, NAMES, (size_t)name, "ip") : "";
	*exists = ch->has_entry || (ch->has_name && ch->removes);
	return EXIT_DONE;
}

static int
run_change(struct ctl *c, const struct args *a, bool is_new, bool removes, size_t which)
{
	struct change ch = { .is_new = is_new, .removes = removes };
	struct settings *st = ctl_server_settings(c);
	const char *word = a->item[which];
	bool exists = false;
	int code;

	if (st == NULL)
		return EXIT_REFUSED;
	code = find_object(st, word, &ch, &exists);
	if (code == EXIT_DONE && !removes && (!read_words(a, &ch) || (ch.is_port && ch.service == NULL)))
		code = EXIT_USAGE;
	if (code == EXIT_DONE && is_new && exists)
		code = ctl_fail(EXIT_REFUSED, "%s is there already; use edit", word);
	else if (code == EXIT_DONE && !is_new && !exists)
		code = ctl_fail(EXIT_NO_OBJECT, "%s is not in the list", word);
	if (code == EXIT_DONE)
		code = edit_etc(c, SCOPE_SERVER, apply, &ch);
	settings_free(&st);
	return code;
}

int
cmd_bindings_add(struct ctl *c, int argc, char **argv)
{
	struct args a;

	return args_parse(&a, argc, argv, NULL, 0, 1, 3) ? run_change(c, &a, true, false, 0) : EXIT_USAGE;
}

int
cmd_bindings_edit(struct ctl *c, int argc, char **argv)
{
	struct args a;

	return args_parse(&a, argc, argv, NULL, 0, 2, 3) ? run_change(c, &a, false, false, 0) : EXIT_USAGE;
}

int
cmd_bindings_delete(struct ctl *c, int argc, char **argv)
{
	int worst = EXIT_DONE;
	struct args a;

	if (!args_parse(&a, argc, argv, NULL, 0, 1, ARGS_MAX))
		return EXIT_USAGE;
	for (size_t i = 0; i < a.count; i++) {
		int code = run_change(c, &a, false, true, i);

		if (code != EXIT_DONE)
			worst = code;
	}
	return worst;
}
