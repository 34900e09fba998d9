/*
 * remote-send: deliver to other hosts by SMTP.
 *
 * A parent (sender.c) takes jobs from schedule on run/pub/send and finds out by
 * DNS where they go; agents (agent.c) that it forks talk to other hosts.
 *
 * Trust: this program owns nothing but its own folder (sts_cache.h): it has no path to
 * spool or store, only the descriptors of messages that it is given.  Agents are confined further.
 * Crash: dying anywhere loses no message; what was not answered is repeated,
 * so a second copy is made only of what died between the final dot and its
 * answer.
 */
#include "base/base.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>

#include "base/die.h"
#include "base/limits.h"
#include "login.h"
#include "self.h"
#include "sender.h"
#include "sts_fetch.h"

#define HOME "state/remote-send"

static void
read_source(const struct settings *settings, const char *name, int family, struct addr *out)
{
	const char *text = settings_text(settings, name);

	*out = (struct addr){ .family = 0 };
	if (text[0] == '\0' || strcmp(text, "auto") == 0)
		return;
	if (!addr_parse(span_of(text), out) || out->family != family)
		die(EXIT_REFUSED, "event=start state=bad-setting name=%s value=\"%s\"", name, text);
}

static void
read_options(struct sender *s)
{
	const struct settings *settings = s->svc.settings;
	struct options *o = &s->options;
	char error[TLS_ERROR_MAX];

	*o = (struct options){ .svc = &s->svc, .self = &s->resolver.self,
		.fall_back = settings_bool(settings, "outboundFallbackPrimary"),
		.command_ms = settings_num(settings, "smtpOutCommandTimeout") * 1000,
		.data_ms = settings_num(settings, "smtpOutDataTimeout") * 1000,
		.messages_max = (unsigned)settings_num(settings, "maxMessagesPerConnection") };
	read_source(settings, "outboundIPv4", AF_INET, &o->from_v4);
	read_source(settings, "outboundIPv6", AF_INET6, &o->from_v6);
	o->tls_available = settings_bool(settings, "tlsIfSupported");
	o->tls_rules = rules_new(settings);
	o->tls_proof = tls_verifier_new(TLS_VERSION_1_2, NULL, error);
	if (o->tls_proof != NULL)
		o->tls = tls_verifier_new(TLS_VERSION_1_0, o->tls_proof, error);
	if (o->tls == NULL)
		die(EXIT_TRY_LATER, "event=start state=no-tls error=\"%s\"", error);
}

/* What needs files: the trust anchor, resolv.conf, the tables of OpenSSL, what libcurl loads. */
static void
warm_up(struct service *svc)
{
	struct sender *s = svc->ctx;
	const struct settings *settings = svc->settings;
	char servers[160], error[200];

	snprintf(servers, sizeof(servers), "%s %s", settings_text(settings, "primaryDns"),
		settings_text(settings, "secondaryDns"));
	if (!login_warm_up())
		die(EXIT_TRY_LATER, "event=start state=no-sasl");
	s->resolver.port = (uint16_t)settings_num(settings, "smtpOutPort");
	self_know(&s->resolver.self, settings);
	read_options(s);
	s->resolver.dns = dns_new(servers, settings_text(settings, "dnsTrustAnchor"),
		settings_bool(settings, "dnsCache"), error, sizeof(error));
	if (s->resolver.dns == NULL)
		die(EXIT_REFUSED, "event=start state=no-dns error=\"%s\"", error);
	if (!sts_fetch_warm_up())
		die(EXIT_TRY_LATER, "event=start state=no-libcurl");
}

/* Each job is a descriptor; what the system grants is used. */
static void
raise_files(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) < 0)
		return;
	r.rlim_cur = r.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &r) < 0)
		die(EXIT_TRY_LATER, "event=start state=no-descriptors");
}

static void
on_stop(void *ctx)
{
	sender_stop(ctx);
}

static void
on_child(void *ctx, int signo)
{
	(void)signo;
	sender_reap(ctx);
}

int
main(int argc, char **argv)
{
	static struct sender s;
	int listen, home;

	service_init(&s.svc, "remote-send", argc, argv);
	service_settings(&s.svc, "delivery");
	s.svc.warm = warm_up;
	s.svc.ctx = &s;
	service_warm_up(&s.svc);
	raise_files();
	service_path(&s.svc, HOME, SANDBOX_READ | SANDBOX_WRITE);
	home = instance_openat(&s.svc.instance, HOME, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
	if (home < 0)
		die(EXIT_NO_OBJECT, "event=start state=no-folder name=" HOME);
	service_confine(&s.svc, SANDBOX_SENDER);
	service_owners(&s.svc, OWNER_LOG);
	s.callers[0] = service_uid(&s.svc, "pbmail");
	s.callers[1] = s.svc.instance.owner;
	listen = service_fd(&s.svc, "listen.unix.send");
	if (listen < 0)
		die(EXIT_USAGE, "no listening socket: this program is started by mail-master");
	s.loop = s.resolver.loop = loop_new();
	loop_signal(s.loop, SIGCHLD, on_child, &s);
	service_attach(&s.svc, s.loop, on_stop, &s);
	s.resolver.report = tls_report_new(&s.svc, s.loop, home);
	s.resolver.probe = probe_new(&s.svc, s.loop, s.resolver.dns);
	s.resolver.sts = sts_new(&s.svc, s.loop, s.resolver.dns, home, s.options.tls_proof,
		s.resolver.self.allow_loopback);
	s.signer = signer_new(&s.svc, s.loop);
	s.pool = pool_new(s.loop, &s.options, settings_num(s.svc.settings, "maxDeliveryThreads"), signer_sign, s.signer);
	signer_answers(s.signer, s.pool);
	s.ways = ways_new(&s.svc, &s.resolver, s.pool);
	sender_listen(&s, listen);
	service_ready(&s.svc);
	resolver_start(&s.resolver);
	loop_run(s.loop);
	tls_report_end(s.resolver.report);
	log_flush(&s.svc, true);
	return EXIT_DONE;
}
