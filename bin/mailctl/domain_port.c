/* domain_port: see domain_port.h. */
#include "base/base.h"
#include "domain_port.h"
#include "base/die.h"
#include "config/bindings.h"
#include "config/compile.h"
#include "account.h"
#include "edit.h"
#include "sys/file.h"

#define PORTS "bindings/port"

/* What a port of the server serves; NULL when it is not in the list. */
static const char *
service_of(const struct settings *st, uint64_t port)
{
	size_t n = settings_count(st, PORTS);

	for (size_t i = 0; i < n; i++)
		if (settings_entry_num(st, PORTS, i, "number") == port)
			return settings_entry(st, PORTS, i, "service");
	for (size_t i = 0; n == 0 && i < binding_count; i++)
		if (binding_table[i].number == port)
			return binding_table[i].service;
	return NULL;
}

uint64_t
domain_port_of(const struct settings *st)
{
	return st != NULL && settings_enabled(st, "smtpPortAlt") ? settings_num(st, "smtpPortAlt") : 0;
}

int
domain_port_check(const struct ctl *c, const struct config_file *f, uint64_t *port_out)
{
	struct settings *st = compile_settings(f->xml, SCOPE_DOMAIN), *server;
	const char *service;
	int code = EXIT_DONE;

	*port_out = domain_port_of(st);
	if (st == NULL)
		return EXIT_REFUSED;
	settings_free(&st);
	if (*port_out == 0)
		return EXIT_DONE;
	server = ctl_server_settings(c);
	if (server == NULL)
		return EXIT_REFUSED;
	service = service_of(server, *port_out);
	if (service != NULL && strcmp(service, "smtp") != 0 && strcmp(service, "submission") != 0)
		code = ctl_fail(EXIT_REFUSED, "port %llu serves %s", (unsigned long long)*port_out, service);
	settings_free(&server);
	return code;
}

/* With no port named the usual ones are open, and must be named before one is added. */
static int
add_port(struct config_file *f, const void *ctx, struct buf *errors)
{
	const uint64_t *port = ctx;
	char number[40], service[40], mark[] = "forDomains=True", *words[] = { number, service, mark };
	bool none = xml_at(xml_root(f->xml), SPAN(PORTS)) == NULL;
	int code = EXIT_DONE;

	for (size_t i = 0; none && code == EXIT_DONE && i < binding_count; i++) {
		(void)snprintf(number, sizeof(number), "number=%u", binding_table[i].number);
		(void)snprintf(service, sizeof(service), "service=%s", binding_table[i].service);
		code = edit_add(f, PORTS, 2, words, errors);
	}
	(void)snprintf(number, sizeof(number), "number=%llu", (unsigned long long)*port);
	(void)snprintf(service, sizeof(service), "service=smtp");
	return code == EXIT_DONE ? edit_add(f, PORTS, 3, words, errors) : code;
}

int
domain_port_open(struct ctl *c, uint64_t port)
{
	struct settings *server;
	bool is_there;
	int code;

	if (port == 0)
		return EXIT_DONE;
	server = ctl_server_settings(c);
	if (server == NULL)
		return EXIT_REFUSED;
	is_there = service_of(server, port) != NULL;
	settings_free(&server);
	if (is_there)
		return EXIT_DONE;
	code = edit_etc(c, SCOPE_SERVER, add_port, &port);
	if (code == EXIT_DONE)
		ctl_say(c, "port %llu is open for SMTP, on all addresses that name no ports (see mailctl bindings list)",
			(unsigned long long)port);
	return code;
}

/* Is it in the server's list as one that was opened for domains? */
static bool
is_for_domains(const struct ctl *c, uint64_t port)
{
	struct settings *server = ctl_server_settings(c);
	bool found = false;

	for (size_t i = 0; server != NULL && !found && i < settings_count(server, PORTS); i++)
		found = settings_entry_num(server, PORTS, i, "number") == port &&
			settings_entry_bool(server, PORTS, i, "forDomains");
	settings_free(&server);
	return found;
}

/* Also when one cannot be read: what may be needed stays open. */
static bool
is_named(const struct ctl *c, uint64_t port)
{
	int domains = ctl_open_dir(c, "domains");
	char **names;
	bool found;
	size_t n;

	if (domains < 0)
		return true;
	names = names_list(domains, "domainConfig.xml", &n);
	found = false;
	for (size_t i = 0; i < n && !found; i++) {
		struct settings *st = NULL;
		struct domain d;

		if (domain_open(c, names[i], &d) == EXIT_DONE) {
			st = domain_settings(&d);
			domain_close(&d);
		}
		found = st == NULL || domain_port_of(st) == port;
		settings_free(&st);
	}
	names_free(names);
	file_close(&domains);
	return found;
}

static int
remove_port(struct config_file *f, const void *ctx, struct buf *errors)
{
	const uint64_t *port = ctx;
	char number[40], mark[] = "forDomains=True", *words[] = { number, mark };

	(void)snprintf(number, sizeof(number), "number=%llu", (unsigned long long)*port);
	return edit_remove(f, PORTS, 2, words, errors);
}

int
domain_port_close(struct ctl *c, uint64_t port)
{
	int code;

	if (port == 0 || !is_for_domains(c, port) || is_named(c, port))
		return EXIT_DONE;
	code = edit_etc(c, SCOPE_SERVER, remove_port, &port);
	if (code == EXIT_DONE)
		ctl_say(c, "port %llu is closed: no domain names it any more", (unsigned long long)port);
	return code;
}
