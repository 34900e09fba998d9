/*
 * service_tls: see service_tls.h.
 *
 * Trust: certificates and keys are the administrator's.  A pair that OpenSSL does
 * not take ends a process that replaces another, which then goes on with what it
 * has.  One that replaces none serves without the pair and says so: mail that
 * needs no TLS goes on.
 */
#include "base/base.h"
#include "service/service_tls.h"

#include "base/die.h"
#include "base/limits.h"
#include "net/tls_certificate.h"
#include "net/tls_ticket.h"
#include "service/control.h"
#include "service/key_files.h"
#include "service/log.h"
#include "service/service.h"
#include "service/session.h"

_Static_assert(KEY_FILES_MAX == 2 * LIMIT_TLS_CERTIFICATES + 1, "one pair each, and the CAs");

/* The field of a rule that holds this program's port. */
static const char *
port_field(const struct service *svc)
{
	static const struct { const char *program, *field; } table[] = {
		{ "smtp-listen", "smtpPort" }, { "pop3-serve", "popPort" }, { "imap-serve", "imapPort" },
	};

	for (size_t i = 0; i < PB_COUNT(table); i++)
		if (strcmp(table[i].program, svc->name) == 0)
			return table[i].field;
	bug("%s has no port in TLS rules", svc->name);
}

/* Where rule i applies in this program; false when it is for the others alone. */
static bool
place_of_rule(const struct service *svc, size_t i, struct tls_place *out)
{
	static const char list[] = "sslRules/rule";
	const struct settings *s = svc->settings;
	const char *ip = settings_entry(s, list, i, "ipAddress");
	uint64_t port = settings_entry_num(s, list, i, port_field(svc));
	bool has_ports = settings_entry_num(s, list, i, "smtpPort") != 0 ||
		settings_entry_num(s, list, i, "popPort") != 0 || settings_entry_num(s, list, i, "imapPort") != 0;

	*out = (struct tls_place){ .port = (uint16_t)port, .file = settings_entry(s, list, i, "certificatePath") };
	if (*ip != '\0' && !addr_parse(span_of(ip), &out->ip))
		return false;
	if (addr_is_unspecified(&out->ip))
		out->ip.family = 0;
	return port != 0 || !has_ports;
}

static void
add(struct service *svc, struct tls_server *t, const struct tls_place *place, int cert, int key)
{
	char error[TLS_ERROR_MAX];

	if (tls_server_add(t, place, cert, key, error))
		return;
	if (svc->replaces)
		die(EXIT_REFUSED, "%s: %s", place->file, error);
	log_failure(svc, NULL, NULL, "event=no-key why=\"%s: %s\"", place->file, error);
}

static void
add_rules(struct service *svc, struct tls_server *t)
{
	for (size_t i = 0; i < settings_count(svc->settings, "sslRules/rule"); i++) {
		char cert[SERVICE_FD_NAME_MAX], key[SERVICE_FD_NAME_MAX];
		struct tls_place place;

		(void)snprintf(cert, sizeof(cert), "cert.%zu", i);
		(void)snprintf(key, sizeof(key), "key.%zu", i);
		/* What mail-master could not open it has told. */
		if (service_fd(svc, cert) >= 0 && service_fd(svc, key) >= 0 && place_of_rule(svc, i, &place))
			add(svc, t, &place, service_fd(svc, cert), service_fd(svc, key));
	}
}

struct tls_server *
service_tls(struct service *svc)
{
	const struct settings *s = svc->settings;
	const struct tls_options options = {
		.minimum = tls_version_named(settings_text(s, "tlsMinimumVersion")),
		.ciphers = settings_text(s, "tlsCiphers"), .suites = settings_text(s, "tlsCipherSuites"),
		.resumption = settings_bool(s, "tlsSessionResumption"),
		.ask_client = strcmp(settings_text(s, "tlsClientCertificates"), "ask") == 0,
		.client_ca_fd = service_fd(svc, "client-ca"),
	};
	const struct tls_place usual = { .is_default = true, .file = settings_text(s, "tlsCertificatePath") };
	int cert = service_fd(svc, "cert"), key = service_fd(svc, "key");
	char error[TLS_ERROR_MAX];
	struct tls_server *t = tls_server_new(&options, error);

	if (t == NULL)
		die(EXIT_REFUSED, "TLS: %s", error);
	if (cert >= 0 && key >= 0)
		add(svc, t, &usual, cert, key);
	add_rules(svc, t);
	if (tls_server_facts(t, 0, &(const struct tls_place *){ NULL }) == NULL)
		tls_server_free(&t);
	else if (!tls_warm_up(t, error))
		die(EXIT_REFUSED, "certificate: %s", error);
	svc->tls = t;
	return t;
}

static void
tend(void *ctx)
{
	service_tls_tend(ctx);
}

void
service_tls_tend(struct service *svc)
{
	if (svc->tls == NULL)
		return;
	tls_tend(svc->tls);
	loop_timer(svc->loop, TLS_TICKET_EPOCH_MS, tend, svc);
}

bool
service_is_tls_listener(const char *listener)
{
	static const char *const names[] = { "smtps", "smtp-tls", "pop3s", "imaps" };

	for (size_t i = 0; i < PB_COUNT(names); i++)
		if (strcmp(names[i], listener) == 0)
			return true;
	return false;
}

void
service_tls_log(const struct session *s)
{
	const struct tls_facts *f = s->svc->tls != NULL ? tls_served(s->svc->tls, &s->io) : NULL;
	char storage[4 * TLS_NAME_MAX + 256], tls_text[128];
	struct buf line, tls;

	if (f == NULL)
		return;
	buf_init_fixed(&tls, tls_text, sizeof(tls_text));
	(void)tls_describe(&s->io, &tls);
	buf_init_fixed(&line, storage, sizeof(storage));
	log_value(&line, "session", buf_view(&tls));
	log_value(&line, "certificate", span_of(f->subject));
	log_line(s->svc, s->ticket, s->ip, "event=tls%s sha256=%s", buf_text(&line), f->fingerprint);
}

/* -- what mailctl tls show asks ------------------------------------------- */

/* Most bytes of one certificate in a reply: its texts, its file and its names, which are cut. */
#define NAMES_SHOWN 1024
#define CERTIFICATE_BYTES (2 * TLS_NAME_MAX + TLS_FINGERPRINT_MAX + NAMES_SHOWN + 4096 + 256)

static void
add_certificate(const struct tls_facts *f, const struct tls_place *place, struct buf *reply)
{
	char ip[ADDR_TEXT_MAX] = "*";
	struct buf text;

	if (place->ip.family != 0)
		addr_print(&place->ip, ip, sizeof(ip));
	buf_init(&text, CERTIFICATE_BYTES);
	buf_printf(&text, "%s\t%u\t%d\t%lld\t%lld\t%s\t%s\t%s\t%.*s\t%s", ip, (unsigned)place->port, place->is_default,
		(long long)f->not_before, (long long)f->not_after, f->fingerprint, f->subject, f->issuer,
		NAMES_SHOWN, f->names, place->file);
	record_add(reply, "certificate", buf_view(&text));
	buf_free(&text);
}

void
service_tls_show(const struct service *svc, const struct record *request, struct buf *reply)
{
	const struct tls_place *place;
	const struct tls_facts *f;
	uint64_t from = 0;

	if (record_get(request, "from").p != NULL && !record_get_num(request, "from", LIMIT_TLS_CERTIFICATES, &from)) {
		control_error(reply, EXIT_USAGE, "from is not a place");
		return;
	}
	record_begin(reply, "ok");
	for (size_t i = (size_t)from; svc->tls != NULL && (f = tls_server_facts(svc->tls, i, &place)) != NULL; i++) {
		if (reply->n + 2 * CERTIFICATE_BYTES > LIMIT_RECORD) {
			record_add_num(reply, "next", i);
			return;
		}
		add_certificate(f, place, reply);
	}
}
