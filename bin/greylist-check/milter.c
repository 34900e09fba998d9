/*
 * milter: the callbacks of libmilter, and its socket.
 *
 * libmilter wants to create the socket on which it listens.  Ours is bound by
 * mail-master, in a folder this program cannot write, and outlives a restart.  So
 * smfi_opensocket makes a private one in our state folder, and the descriptor of
 * mail-master's takes its place: libmilter only ever uses the number.
 *
 * Everything fails open: what cannot be judged is accepted.
 */
#include "base/base.h"
#include "greylist.h"

#include <errno.h>
#include <fcntl.h>
#include <libmilter/mfapi.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include "base/die.h"
#include "base/mem.h"
#include "sys/clock.h"

#define IDLE_SECONDS 7210		/* libmilter's own default */

struct talk {
	struct addr client;
	char ip[ADDR_TEXT_MAX];
	char sender[LIMIT_ADDRESS + 1];
	bool skip_client;	/* no address, or one that is exempt */
	bool skip_message;	/* of somebody who logged in */
};

static void
count(uint64_t *counter)
{
	__atomic_add_fetch(counter, 1, __ATOMIC_RELAXED);
}

/* "<a@b>" as the MTA passes it, without the brackets; "" when it is too long. */
static void
copy_address(const char *arg, char out[LIMIT_ADDRESS + 1])
{
	struct span s = span_of(arg);

	if (s.n >= 2 && s.p[0] == '<' && s.p[s.n - 1] == '>')
		s = span_make(s.p + 1, s.n - 2);
	if (s.n > LIMIT_ADDRESS)
		s = SPAN_NONE;
	memcpy(out, s.n > 0 ? s.p : "", s.n);
	out[s.n] = '\0';
}

static sfsistat
on_connect(SMFICTX *ctx, char *host PB_UNUSED, _SOCK_ADDR *address)
{
	struct talk *s = mem_new(sizeof(*s));
	bool known = address != NULL && (address->sa_family == AF_INET || address->sa_family == AF_INET6)
		&& addr_from_sockaddr(address, address->sa_family == AF_INET
			? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6), &s->client);

	s->skip_client = !known;
	if (known) {
		addr_print(&s->client, s->ip, sizeof(s->ip));
		pthread_rwlock_rdlock(&greylist.rules_lock);
		s->skip_client = rules_exempt(greylist.rules, &s->client);
		pthread_rwlock_unlock(&greylist.rules_lock);
	}
	smfi_setpriv(ctx, s);
	return SMFIS_CONTINUE;
}

static sfsistat
on_sender(SMFICTX *ctx, char **argv)
{
	static char authen[] = "{auth_authen}", type[] = "{auth_type}";
	struct talk *s = smfi_getpriv(ctx);
	const char *who = smfi_getsymval(ctx, authen), *how = smfi_getsymval(ctx, type);

	if (s == NULL)
		return SMFIS_ACCEPT;
	s->skip_message = (who != NULL && who[0] != '\0') || (how != NULL && how[0] != '\0');
	copy_address(argv[0], s->sender);
	return SMFIS_CONTINUE;
}

/* UTC, as logs and envelopes have it. */
static void
print_time(int64_t at, char *out, size_t size)
{
	time_t t = (time_t)at;
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(out, size, "%Y-%m-%d %H:%M:%S UTC", &tm);
}

static sfsistat
refuse(SMFICTX *ctx, const struct talk *s, const char *recipient, int64_t now, int64_t earliest)
{
	static char code[] = "451", status[] = "4.7.1";
	char text[160], when[40];

	print_time(earliest, when, sizeof(when));
	snprintf(text, sizeof(text), "Greylisted, try again later: not before %s (in %lld seconds)", when,
		(long long)(earliest > now ? earliest - now : 0));
	count(&greylist.delayed);
	greylist_log(NULL, s->ip, "event=delayed earliest=%lld", (long long)earliest);
	(void)recipient;
	if (smfi_setreply(ctx, code, status, text) != MI_SUCCESS)
		return SMFIS_CONTINUE;
	return SMFIS_TEMPFAIL;
}

static sfsistat
judge_recipient(SMFICTX *ctx, const struct talk *s, const char *recipient)
{
	int64_t now = clock_wall_ms() / 1000, earliest = now;
	struct periods periods;

	pthread_rwlock_rdlock(&greylist.rules_lock);
	periods = greylist.rules->periods;
	pthread_rwlock_unlock(&greylist.rules_lock);
	switch (judge_delivery(&greylist.judge, &periods, &s->client, span_of(s->sender), span_of(recipient),
	    now, &earliest)) {
	case JUDGED_LATER:
		return refuse(ctx, s, recipient, now, earliest);
	case JUDGED_PASS:
		count(&greylist.passed);
		return SMFIS_CONTINUE;
	case JUDGED_FAILED:
		break;
	}
	/* The MTA accepts when we are gone; mail-master starts us anew. */
	die(EXIT_TRY_LATER, "greylist.db: %m (%s)", state_why());
}

static sfsistat
on_recipient(SMFICTX *ctx, char **argv)
{
	struct talk *s = smfi_getpriv(ctx);
	char recipient[LIMIT_ADDRESS + 1];

	if (s == NULL)
		return SMFIS_ACCEPT;
	copy_address(argv[0], recipient);
	if (s->skip_client || s->skip_message
	    || !greylist_recipient_wants(span_of(recipient), span_of(s->sender))) {
		count(&greylist.skipped);
		return SMFIS_CONTINUE;
	}
	return judge_recipient(ctx, s, recipient);
}

static sfsistat
on_data(SMFICTX *ctx PB_UNUSED)
{
	/* Recipients are all we look at: the MTA need not send the message. */
	return SMFIS_ACCEPT;
}

static sfsistat
on_close(SMFICTX *ctx)
{
	free(smfi_getpriv(ctx));
	smfi_setpriv(ctx, NULL);
	return SMFIS_CONTINUE;
}

/* Leave out what is not looked at, as far as the MTA offers that. */
static sfsistat
on_negotiate(SMFICTX *ctx, unsigned long f0 PB_UNUSED, unsigned long f1, unsigned long f2 PB_UNUSED,
	unsigned long f3 PB_UNUSED, unsigned long *actions, unsigned long *steps, unsigned long *r2, unsigned long *r3)
{
	static char macros[] = "{auth_authen} {auth_type}";

	*actions = 0;
	*steps = f1 & (SMFIP_NOHELO | SMFIP_NOHDRS | SMFIP_NOBODY | SMFIP_NOEOH | SMFIP_NOUNKNOWN);
	*r2 = *r3 = 0;
	if (smfi_setsymlist(ctx, SMFIM_ENVFROM, macros) != MI_SUCCESS)
		greylist_log(NULL, NULL, "event=no-macro-list");
	return SMFIS_CONTINUE;
}

/* The lowest free descriptor: where the next one that is opened will be. */
static int
next_descriptor(void)
{
	int fd = fcntl(2, F_DUPFD_CLOEXEC, 0);

	if (fd < 0)
		die(EXIT_TRY_LATER, "no descriptor left: %m");
	close(fd);
	return fd;
}

static bool
is_bound_to(int fd, const char *path)
{
	struct sockaddr_un sun;
	socklen_t n = sizeof(sun);

	return getsockname(fd, (struct sockaddr *)&sun, &n) == 0 && sun.sun_family == AF_UNIX
		&& strncmp(sun.sun_path, path, sizeof(sun.sun_path)) == 0;
}

void
milter_open(int listener, const char *private_path)
{
	static char conn[INSTANCE_PATH_MAX + 8];
	static char name[] = "greylist-check";
	struct smfiDesc filter = {
		.xxfi_name = name, .xxfi_version = SMFI_VERSION, .xxfi_flags = 0,
		.xxfi_connect = on_connect, .xxfi_envfrom = on_sender, .xxfi_envrcpt = on_recipient,
		.xxfi_data = on_data, .xxfi_close = on_close, .xxfi_negotiate = on_negotiate,
	};
	int at;

	snprintf(conn, sizeof(conn), "unix:%s", private_path);
	if (smfi_register(filter) != MI_SUCCESS || smfi_setconn(conn) != MI_SUCCESS
	    || smfi_settimeout(IDLE_SECONDS) != MI_SUCCESS)
		die(EXIT_TRY_LATER, "libmilter cannot be set up");
	at = next_descriptor();
	if (smfi_opensocket(true) != MI_SUCCESS)
		die(EXIT_TRY_LATER, "libmilter cannot open %s: %m", private_path);
	if (!is_bound_to(at, private_path))
		bug("libmilter's socket is not descriptor %d", at);
	if (dup3(listener, at, O_CLOEXEC) < 0)
		die(EXIT_TRY_LATER, "dup3: %m");
	close(listener);
}

/*
 * libmilter waits in a thread of its own for SIGTERM, SIGHUP and SIGINT by sigwait(3),
 * before any signalfd of ours sees them, and then looks whether it shall stop every
 * five seconds only; so long would a reload leave the socket unserved.  Its call is
 * bound to this function, which ends the process at once.
 */
int
sigwait(const sigset_t *set, int *signo)
{
	*signo = sigwaitinfo(set, NULL);
	if (*signo < 0)
		return errno;
	greylist_end();
}

int
milter_run(void)
{
	return smfi_main() == MI_SUCCESS ? EXIT_DONE : EXIT_TRY_LATER;
}
