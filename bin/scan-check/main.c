/*
 * scan-check: find out what DNS says of a connection and an envelope, and
 * evaluate SPF.
 *
 * Clients ask on run/pub/scan (clients.c); each question is a task (task.c)
 * that drives a state machine of lib/check; answers are kept (cache.c).
 *
 * Trust: clients may have been taken over, what they ask about is a stranger's
 * choice, and so is what DNS answers.  The library that reads packets runs in a
 * process of its own (net/dns.h).  This program has no file and owns nothing.
 * Crash: what was asked is unknown, which stops no mail.
 */
#include "base/base.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/die.h"
#include "scan.h"
#include "sys/random.h"

/* What needs files: the trust anchor, resolv.conf. */
static void
warm_up(struct service *svc)
{
	struct scan *s = svc->ctx;
	const struct settings *settings = svc->settings;
	bool keep = settings_bool(settings, "dnsCache");
	char servers[160], error[200];

	snprintf(servers, sizeof(servers), "%s %s", settings_text(settings, "primaryDns"),
		settings_text(settings, "secondaryDns"));
	s->dns = dns_new(servers, settings_text(settings, "dnsTrustAnchor"), keep, error, sizeof(error));
	if (s->dns == NULL)
		die(EXIT_REFUSED, "event=start state=no-dns error=\"%s\"", error);
	s->cache = keep ? cache_new(random_u64()) : NULL;
}

/* Each worker of a listener is a connection; what the system grants is used. */
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
on_lost(void *ctx)
{
	struct scan *s = ctx;

	log_failure(&s->svc, NULL, NULL, "event=dns state=lost open=%zu", s->tasks);
}

/* The resolver's process, when it died. */
static void
on_child(void *ctx, int signo)
{
	(void)ctx, (void)signo;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

static void
on_stop(void *ctx)
{
	struct scan *s = ctx;

	loop_stop(s->loop);
}

int
main(int argc, char **argv)
{
	static struct scan s;

	service_init(&s.svc, "scan-check", argc, argv);
	service_settings(&s.svc, "scanLog");
	s.svc.warm = warm_up;
	s.svc.ctx = &s;
	service_warm_up(&s.svc);
	raise_files();
	service_confine(&s.svc, SANDBOX_RESOLVER);
	s.loop = loop_new();
	loop_signal(s.loop, SIGCHLD, on_child, &s);
	service_attach(&s.svc, s.loop, on_stop, &s);
	clients_serve(&s);
	service_ready(&s.svc);
	s.dns_loop = dns_loop_start(s.loop, s.dns, on_lost, &s);
	loop_run(s.loop);
	log_flush(&s.svc, true);
	return EXIT_DONE;
}
