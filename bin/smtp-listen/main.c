/*
 * smtp-listen: receive mail by SMTP (RFC 5321) and submission (RFC 6409).
 *
 * Started by lib/service as a worker of the pre-forked pool, or by inetd and
 * its kind on fd 0/1; the two look the same from here.
 *
 * Trust: everything the client sends is hostile.  This process has no path to
 * the spool or to any mailbox: it holds descriptors of new, empty messages
 * that intake gave it, and asks the owners of state everything else.
 * Crash: dying anywhere is safe; a message is promised by intake's answer, and
 * the client hears 250 only after that.
 */
#include "base/base.h"
#include "smtp.h"
#include "base/die.h"
#include <sys/socket.h>
#include "delegates.h"
#include "filter.h"
#include "check/scan_client.h"
#include "service/service_tls.h"

#define SCHEDULE_TIMEOUT_MS 5000
#define SESSIONS_PER_WORKER 1000
#define INTAKE_TIMEOUT_MS 60000

/* Before rights are given up: the key, and what OpenSSL loads lazily. */
static void
warm(struct service *svc)
{
	struct worker *w = svc->ctx;

	w->tls = service_tls(svc);
}

/* In each worker, after the change of uid, before the first byte from outside. */
static void
prepare_worker(struct service *svc)
{
	struct worker *w = svc->ctx;
	struct verdict refusal;

	w->directory = directory_new(owner_fd(svc, OWNER_LOOKUP), owner_fd(svc, OWNER_AUTH));
	directory_use_board(w->directory);
	w->abuse = abuse_new(owner_fd(svc, OWNER_ABUSE));
	w->intake = intake_open(owner_fd(svc, OWNER_INTAKE), INTAKE_TIMEOUT_MS);
	w->filters = filters_new(w->config);
	w->delegates = delegates_new(w->config);
	if (config_asks_scan(w->config))
		w->scan = scan_client_once("scan");
	message_init(&w->message);
	/* One descriptor in advance; a refusal is told to the client that asks for it. */
	if (intake_new(w->intake, &w->held_fd, &w->held_id, &refusal) != 0)
		w->held_fd = -1;
}

static void
rest(struct service *svc)
{
	const struct worker *w = svc->ctx;

	abuse_rest(w->abuse);
}

/* Words for a client that comes when every worker is busy. */
static void
refuse(struct service *svc PB_UNUSED, const char *listener, const char *ticket, char *out, size_t size)
{
	/* A listener with TLS from the first byte has no words in clear. */
	if (service_is_tls_listener(listener))
		out[0] = '\0';
	else
		snprintf(out, size, "421 4.3.2 Too many connections, try again later ticket %s\r\n", ticket);
}

/* The parent connects to milters, policy servers and schedule: a session may connect to nothing. */
static void
name_contacts(struct service *svc, struct config *config)
{
	if (config->etrn != ETRN_NOBODY || settings_count(svc->settings, "queueReaders/user") > 0) {
		config->schedule = contact_add(svc, "records:schedule", SCHEDULE_TIMEOUT_MS);
		if (config->schedule < 0)
			bug("schedule is no place");
	}
	for (size_t i = 0; i < config->milter_count; i++) {
		struct config_milter *m = &config->milters[i];

		m->contact = contact_add(svc, m->socket, m->timeout_ms);
		if (m->contact < 0)
			die(EXIT_REFUSED, "milters/milter/socket: \"%s\" is not the place of a milter", m->socket);
	}
	for (size_t i = 0; i < config->delegate_count; i++) {
		struct config_milter *d = &config->delegates[i];

		d->contact = contact_add(svc, d->socket, d->timeout_ms);
		if (d->contact < 0)
			die(EXIT_REFUSED, "policyServers/server/socket: \"%s\" is not the place of one", d->socket);
	}
}

static bool
is_blocked(struct service *svc, const struct addr *peer)
{
	struct worker *w = svc->ctx;

	return abuse_is_blocked(w->abuse, "smtp", peer);
}

/* Words for an address that abuse-check blocks (ABUSE-05). */
static void
say_blocked(struct service *svc PB_UNUSED, const char *listener, const char *ticket, char *out, size_t size)
{
	if (service_is_tls_listener(listener))
		out[0] = '\0';
	else
		snprintf(out, size, "421 4.7.0 " ABUSE_BLOCKED_TEXT " ticket %s\r\n", ticket);
}

static void
set_pool(struct service *svc, const struct config *config)
{
	svc->pool.min_spare = (unsigned)settings_num(config->settings, "smtpSpareMin");
	svc->pool.max_spare = (unsigned)settings_num(config->settings, "smtpSpareMax");
	svc->pool.max_total = (unsigned)config->max_connections;
	svc->pool.reserve_percent = (unsigned)settings_num(config->settings, "reservedConnections");
	svc->pool.sessions_per_worker = SESSIONS_PER_WORKER;
}

/*
 * The largest file of a session: a message, half as large again where binary
 * parts become base64, with what milters put into it; or its envelope.
 */
static uint64_t
largest_file(const struct config *config)
{
	return config->most_bytes + config->most_bytes / 2 + LIMIT_MILTER_BODY + LIMIT_ENVELOPE;
}

/* At every start and reload, and at once: the parent may have nothing else to say for long (SMTPIN-06). */
static void
tell_open_relay(struct service *svc, const struct config *config)
{
	if (config->allow_relay != POLICY_RELAY_ANYONE)
		return;
	log_failure(svc, NULL, NULL, "event=open-relay setting=allowRelay value=anyone");
	log_flush(svc, false);
}

int
main(int argc, char **argv)
{
	struct service svc;
	struct config config;
	struct worker worker = { .config = &config, .held_fd = -1 };

	service_init(&svc, "smtp-listen", argc, argv);
	service_settings(&svc, "smtpLog");
	config_read(&config, svc.settings);
	set_pool(&svc, &config);
	gate_open(&svc, "smtp");
	svc.file_bytes = largest_file(&config);
	name_contacts(&svc, &config);
	gateways_name_contacts(&config.gateways_in, &svc, svc.settings);
	svc.ctx = &worker;
	svc.warm = warm;
	svc.worker = prepare_worker;
	svc.refuse = refuse;
	svc.rest = rest;
	svc.is_blocked = is_blocked;
	svc.say_blocked = say_blocked;
	service_warm_up(&svc);
	tell_open_relay(&svc, &config);
	service_confine(&svc, SANDBOX_SMTP);
	service_owners(&svc, OWNER_AUTH | OWNER_LOOKUP | OWNER_ABUSE | OWNER_INTAKE | OWNER_LOG);
	return service_run(&svc, smtp_session);
}
