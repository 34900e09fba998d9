/*
 * imap-serve: give one user access to his mail by IMAP4rev1 (RFC 3501).
 *
 * Started by lib/service as a worker of the pre-forked pool, or by inetd or
 * tcpserver on fd 0/1; both look the same from here.
 *
 * Trust: everything the client sends is hostile.  Before log-in this process
 * has no path to any mail; log-in yields a descriptor of one Maildir, after
 * which the process can reach nothing else.
 * Crash: dying anywhere is safe; lib/store makes each change durable before
 * it is reported.
 */
#include "base/base.h"
#include "mail/charset.h"
#include "service/service_tls.h"
#include "session.h"

static struct imap_program program;

static void
warm_up(struct service *svc)
{
	charset_warm_up();
	program.tls = service_tls(svc);
}

static void
worker(struct service *svc)
{
	program.directory = directory_new(-1, owner_fd(svc, OWNER_AUTH));
	program.abuse = abuse_new(owner_fd(svc, OWNER_ABUSE));
}

static void
refuse(struct service *svc, const char *listener, const char *ticket, char *out, size_t size)
{
	(void)svc;
	/* A listener with TLS from the first byte has no words in clear. */
	if (service_is_tls_listener(listener))
		out[0] = '\0';
	else
		snprintf(out, size, "* BYE [UNAVAILABLE] Too many connections, try again later (%s)\r\n", ticket);
}

static bool
is_blocked(struct service *svc, const struct addr *peer)
{
	(void)svc;
	return abuse_is_blocked(program.abuse, "imap", peer);
}

static void
say_blocked(struct service *svc, const char *listener, const char *ticket, char *out, size_t size)
{
	(void)svc;
	if (service_is_tls_listener(listener))
		out[0] = '\0';
	else
		snprintf(out, size, "* BYE [UNAVAILABLE] " ABUSE_BLOCKED_TEXT " (%s)\r\n", ticket);
}

static void
read_settings(struct service *svc)
{
	const struct settings *s = svc->settings;

	program.command_timeout_ms = settings_num(s, "imapCommandTimeout") * 60000;
	program.idle_timeout_ms = settings_num(s, "imapSessionTimeout") * 60000;
	program.max_bad_commands = settings_num(s, "imapMaxBadCommands");
	program.max_message = settings_num(s, "imapMaxMessageSizeMB") << 20;
	program.plaintext_auth = settings_text(s, "plaintextAuth");
	program.banner = settings_text(s, "imapBanner");
	program.idle = settings_bool(s, "imapIdleEnabled");
	svc->pool.min_spare = (unsigned)settings_num(s, "imapSpareMin");
	svc->pool.max_spare = (unsigned)settings_num(s, "imapSpareMax");
	svc->pool.max_total = (unsigned)settings_num(s, "imapMaxConnections");
	svc->pool.reserve_percent = (unsigned)settings_num(s, "reservedConnections");
}

int
main(int argc, char **argv)
{
	struct service svc;

	service_init(&svc, "imap-serve", argc, argv);
	svc.warm = warm_up;
	svc.worker = worker;
	svc.refuse = refuse;
	svc.is_blocked = is_blocked;
	svc.say_blocked = say_blocked;
	svc.ctx = &program;
	service_settings(&svc, "imapLog");
	read_settings(&svc);
	gate_open(&svc, "imap");
	service_warm_up(&svc);
	service_confine(&svc, SANDBOX_LOGIN);
	service_owners(&svc, OWNER_AUTH | OWNER_ABUSE | OWNER_LOG);
	return service_run(&svc, imap_session);
}
