/* domain_port: see domain_port.h. */
#include "base/base.h"
#include "domain_port.h"
#include "base/die.h"
#include "config/bindings.h"
#include "config/compile.h"
#include "edit.h"

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

int
domain_port_check(const struct ctl *c, const struct config_file *f, uint64_t *port_out)
{
	struct settings *st = compile_settings(f->xml, SCOPE_DOMAIN), *server;
	const char *service;
	int code = EXIT_DONE;

	*port_out = 0;
	if (st == NULL)
		return EXIT_REFUSED;
	if (settings_enabled(st, "smtpPortAlt"))
		*port_out = settings_num(st, "smtpPortAlt");
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
	char number[40], service[40], *words[] = { number, service };
	bool none = xml_at(xml_root(f->xml), SPAN(PORTS)) == NULL;
	int code = EXIT_DONE;

	for (size_t i = 0; none && code == EXIT_DONE && i < binding_count; i++) {
		(void)snprintf(number, sizeof(number), "number=%u", binding_table[i].number);
		(void)snprintf(service, sizeof(service), "service=%s", binding_table[i].service);
		code = edit_add(f, PORTS, 2, words, errors);
	}
	(void)snprintf(number, sizeof(number), "number=%llu", (unsigned long long)*port);
	(void)snprintf(service, sizeof(service), "service=smtp");
	return code == EXIT_DONE ? edit_add(f, PORTS, 2, words, errors) : code;
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
