/*
 * cmd_bindings_check: what is open beyond the need (BIND-04).
 *
 * Three questions: does the server use ports that mail does not need; does it
 * listen on addresses because nobody chose some; and what else of this machine
 * can be reached from outside, as the kernel tells in /proc/net/tcp and tcp6.
 * Loopback is nobody's outside.
 */
#include "base/base.h"
#include "commands.h"
#include <fcntl.h>
#include <ifaddrs.h>
#include "args.h"
#include "base/die.h"
#include "base/mem.h"
#include "base/num.h"
#include "config/bindings.h"
#include "net/addr.h"
#include "output.h"

/* State of a socket in /proc/net/tcp that listens. */
#define TCP_LISTENING "0A"
/* The whole of /proc/net/tcp: some ten thousand connections. */
#define TABLE_MAX (4u << 20)

struct check {
	const struct settings *st;
	struct output *o;
};

PB_PRINTF(4, 5)
static void
report(struct check *ck, const char *what, const char *object, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	output_row(ck->o, what, object, text);
}

/* Ports of the settings that mail does not need. */
static void
check_ports(struct check *ck)
{
	static const char list[] = "bindings/port";
	char text[24];

	for (size_t i = 0; i < settings_count(ck->st, list); i++) {
		unsigned number = (unsigned)settings_entry_num(ck->st, list, i, "number");
		const char *service = settings_entry(ck->st, list, i, "service");

		(void)snprintf(text, sizeof(text), "%u", number);
		if (number != binding_number(service))
			report(ck, "port", text, "%s usually needs %u only", service, binding_number(service));
	}
}

static bool
is_ours(const struct check *ck, uint16_t number)
{
	size_t n = settings_count(ck->st, "bindings/port");

	for (size_t i = 0; i < (n > 0 ? n : binding_count); i++)
		if ((n > 0 ? settings_entry_num(ck->st, "bindings/port", i, "number") : binding_table[i].number) == number)
			return true;
	return false;
}

/* Does the settings' list of addresses name this one?  0.0.0.0 and :: name themselves only. */
static bool
is_listed(const struct check *ck, const struct addr *a)
{
	static const char list[] = "bindings/ipAddress";
	struct addr one;

	for (size_t i = 0; i < settings_count(ck->st, list); i++)
		if (addr_parse(span_of(settings_entry(ck->st, list, i, "address")), &one) && addr_eq_ip(&one, a))
			return true;
	return false;
}

/* True when mail is served on all addresses of this family. */
static bool
is_open_to_all(const struct check *ck, int family)
{
	struct addr any;

	if (settings_count(ck->st, "bindings/ipAddress") == 0)
		return true;
	return addr_parse(span_of(family == AF_INET ? "0.0.0.0" : "::"), &any) && is_listed(ck, &any);
}

/* Addresses of the machine on which mail is served though none asked for them. */
static void
check_addresses(struct check *ck)
{
	struct ifaddrs *all = NULL;
	char text[ADDR_TEXT_MAX];
	struct addr a;

	if (getifaddrs(&all) != 0)
		return;
	for (const struct ifaddrs *f = all; f != NULL; f = f->ifa_next) {
		if (f->ifa_addr == NULL || !addr_from_sockaddr(f->ifa_addr, sizeof(struct sockaddr_in6), &a) ||
		    (a.family != AF_INET && a.family != AF_INET6) || addr_is_loopback(&a))
			continue;
		if (!is_listed(ck, &a) && is_open_to_all(ck, a.family))
			report(ck, "address", addr_print(&a, text, sizeof(text)),
				"serves mail because all addresses do; name those that are needed");
	}
	freeifaddrs(all);
}

/* "0100007F:1F90": words of 32 bits in the order of this machine, then the port. */
static bool
read_end(struct span s, struct addr *out)
{
	struct span ip = span_cut(&s, ':');
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	uint32_t words[4] = { 0 };
	uint32_t port = 0;

	if (ip.n != 8 && ip.n != 32)
		return false;
	for (size_t i = 0; i < ip.n; i++)
		words[i / 8] = words[i / 8] << 4 | (uint32_t)char_hex(ip.p[i]);
	for (size_t i = 0; i < s.n; i++)
		port = port << 4 | (uint32_t)char_hex(s.p[i]);
	memcpy(&in.sin_addr, words, 4);
	memcpy(&in6.sin6_addr, words, 16);
	if (!(ip.n == 8 ? addr_from_sockaddr((struct sockaddr *)(void *)&in, sizeof(in), out)
			: addr_from_sockaddr((struct sockaddr *)(void *)&in6, sizeof(in6), out)))
		return false;
	out->port = (uint16_t)port;
	return true;
}

static void
check_open(struct check *ck, struct span line)
{
	char text[ADDR_TEXT_MAX];
	struct span local;
	struct addr a;

	(void)span_word(&line);		/* "0:" */
	local = span_word(&line);
	(void)span_word(&line);		/* the other end */
	if (!span_is(span_word(&line), TCP_LISTENING) || !read_end(local, &a) || addr_is_loopback(&a))
		return;
	(void)addr_print_port(&a, text, sizeof(text));
	if (!is_ours(ck, a.port))
		report(ck, "other", text, "is open and not of this server: is it needed?");
}

static void
check_table(struct check *ck, const char *path)
{
	struct buf all;
	struct span rest;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = 1;

	if (fd < 0)
		return;
	buf_init(&all, TABLE_MAX);
	while (n > 0) {
		char *room = buf_reserve(&all, 65536);

		n = room == NULL ? 0 : read(fd, room, 65536);
		if (n > 0)
			buf_commit(&all, (size_t)n);
	}
	close(fd);
	rest = buf_view(&all);
	(void)span_cut(&rest, '\n');
	while (rest.p != NULL && rest.n > 0)
		check_open(ck, span_cut(&rest, '\n'));
	buf_free(&all);
}

int
cmd_bindings_check(struct ctl *c, int argc, char **argv)
{
	static const char *const columns[] = { "what", "object", "text", NULL };
	struct settings *st;
	struct check ck;
	struct args a;
	size_t found;

	if (!args_parse(&a, argc, argv, NULL, 0, 0, 0))
		return EXIT_USAGE;
	st = ctl_server_settings(c);
	if (st == NULL)
		return EXIT_REFUSED;
	ck = (struct check){ st, output_begin(c, columns) };
	check_ports(&ck);
	check_addresses(&ck);
	check_table(&ck, "/proc/net/tcp");
	check_table(&ck, "/proc/net/tcp6");
	found = output_rows(ck.o);
	output_end(&ck.o);
	settings_free(&st);
	if (found == 0)
		ctl_say(c, "nothing is open beyond the need");
	return found == 0 ? EXIT_DONE : EXIT_REFUSED;
}
