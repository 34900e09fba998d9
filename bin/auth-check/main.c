/*
 * auth-check: owns accounts, aliases and secrets.
 *
 * Answers log-ins (Dovecot authentication protocol) and look-ups (socketmap), and
 * hands the mailbox of a user who logged in to the program that serves it.
 *
 * Trust: both sockets are asked by programs that talk to the world, so every
 * byte is hostile and every caller's uid is compared with what it may ask.  It
 * may search domains/ but not read mail; hashing and XML happen in helpers
 * that hold one socket each.
 * Crash: dying anywhere is safe; the index is recovered or made anew.
 */
#include "base/base.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>
#include "auth_server.h"
#include "base/die.h"
#include "base/mem.h"
#include "checkpassword.h"
#include "control.h"
#include "exchange.h"
#include "directory/dkim_key.h"
#include "helpers.h"
#include "index.h"
#include "io/door.h"
#include "lookup.h"
#include "oauth.h"
#include "refresh.h"
#include "resolve.h"
#include "service/service.h"
#include "spaces.h"
#include "sys/peer.h"
#include "sys/user.h"
#include "verify.h"

#define TEND_MS 10000
#define UIDS_MAX 80

struct auth_check {
	struct service svc;
	struct loop *loop;
	struct helpers *helpers;
	struct refresh *refresh;
	struct resolver resolver;
	struct auth_core core;
	struct auth_server *auth;
	struct board *board;		/* what others may know without asking; NULL: there is none */
	int board_fd;			/* -1: there is none */
	struct lookup *lookup;
	struct spaces *spaces;
	struct control_ask control;
	uid_t callers[UIDS_MAX];	/* who may connect to both sockets */
	size_t caller_count;
	size_t own_count;		/* the first of them: only to "lookup" from here on */
};

static unsigned
processors(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : n > HELPERS_MAX ? HELPERS_MAX : (unsigned)n;
}

/* Users of foreign programs, found while the user database can be read. */
static void
find_callers(struct auth_check *p)
{
	static const char *const own[] = { "pbsmtp", "pbmail", "pbauth" };
	size_t listed = settings_count(p->svc.settings, "authClients/user");

	for (size_t i = 0; i < PB_COUNT(own); i++)
		p->callers[p->caller_count++] = service_uid(&p->svc, own[i]);
	for (size_t i = 0; i < listed && p->caller_count < UIDS_MAX - 2; i++) {
		const char *name = settings_list(p->svc.settings, "authClients/user", i);
		uid_t uid;
		gid_t gid;

		if (user_find(name, &uid, &gid) == 0)
			p->callers[p->caller_count++] = uid;
		else
			log_failure(&p->svc, NULL, NULL, "event=no-such-user setting=authClients user=%s", name);
	}
	p->own_count = p->caller_count;
	p->callers[p->caller_count++] = service_uid(&p->svc, "pbsend");
	p->callers[p->caller_count++] = service_uid(&p->svc, "pbcheck");
}

/* True when the caller is among the first `count`; else it is refused and named in the log. */
static bool
may_call(struct auth_check *p, int fd, size_t count)
{
	struct ucred cred = { 0 };

	if (peer_is_allowed(fd, p->callers, count))
		return true;
	if (peer_cred(fd, &cred) == 0)
		log_failure(&p->svc, NULL, NULL, "event=SECURITY what=\"a caller without right\" uid=%u pid=%d",
			(unsigned)cred.uid, (int)cred.pid);
	close(fd);
	return false;
}

static void
on_auth_caller(void *ctx, int fd)
{
	struct auth_check *p = ctx;

	if (may_call(p, fd, p->own_count))
		auth_server_client(p->auth, fd);
}

static void
on_lookup_caller(void *ctx, int fd)
{
	struct auth_check *p = ctx;

	if (may_call(p, fd, p->caller_count))
		lookup_client(p->lookup, fd);
}

static void
on_accept_failed(void *ctx, int error)
{
	struct auth_check *p = ctx;

	log_failure(&p->svc, NULL, NULL, "event=accept-failed error=%s", strerrorname_np(error));
}

static void
watch(struct auth_check *p, const char *name, door_call *call)
{
	int fd = service_fd(&p->svc, name);

	if (fd < 0)
		die(EXIT_USAGE, "mail-master did not hand over %s", name);
	if (door_open(p->loop, fd, SOCK_NONBLOCK, call, on_accept_failed, p) == NULL)
		die(EXIT_TRY_LATER, "cannot watch %s: %m", name);
}

static void
tend(void *ctx)
{
	struct auth_check *p = ctx;

	spaces_save(p->spaces);
	index_tend(p->resolver.ix);
	log_flush(&p->svc, false);
	loop_timer(p->loop, TEND_MS, tend, p);
}

static void
flush_log(void *ctx)
{
	struct auth_check *p = ctx;

	log_flush(&p->svc, false);
	loop_timer(p->loop, 1000, flush_log, p);
}

static void
on_user_gone(void *ctx, struct span domain)
{
	spaces_recount(ctx, domain);
}

static void
on_stop(void *ctx)
{
	struct auth_check *p = ctx;

	loop_stop(p->loop);
}

static void
open_index(struct auth_check *p, const char *home)
{
	bool begun_anew;

	p->resolver.ix = index_open(home, &begun_anew);
	if (begun_anew)
		log_line(&p->svc, NULL, NULL, "event=directory-new");
	index_pepper(p->resolver.ix, p->core.pepper);
}

static void
serve(struct auth_check *p)
{
	int control = service_fd(&p->svc, "listen.unix.auth-control");

	p->control = (struct control_ask){ &p->resolver, p->spaces };
	p->core.rs = &p->resolver;
	p->core.settings = p->svc.settings;
	p->core.host_name = settings_text(p->svc.settings, "hostName");
	p->core.verifier = verifier_new(&p->resolver, p->helpers,
		(unsigned)settings_num(p->svc.settings, "authCacheSeconds"));
	p->auth = auth_server_new(&p->svc, p->loop, &p->core, p->refresh, p->spaces);
	p->lookup = lookup_new(&p->svc, p->loop, &p->resolver, p->spaces, p->helpers, p->board, p->board_fd);
	watch(p, "listen.unix.auth", on_auth_caller);
	watch(p, "listen.unix.lookup", on_lookup_caller);
	if (control >= 0)
		control_start(p->loop, control, &p->control);
}

int
main(int argc, char **argv)
{
	static struct auth_check p;
	char home[SERVICE_HOME_MAX];

	if (argc > 1 && (strcmp(argv[1], "--checkpassword") == 0
	    || (argc > 3 && strcmp(argv[3], "--checkpassword") == 0)))
		return checkpassword_main(argc, argv);
	service_init(&p.svc, "auth-check", argc, argv);
	service_settings(&p.svc, "authLog");
	service_warm_up(&p.svc);
	if (!dkim_key_warm_up())
		die(EXIT_TRY_LATER, "OpenSSL cannot use keys of DKIM");
	find_callers(&p);
	service_home(&p.svc, "state/auth-check", home);
	p.refresh = refresh_new(&p.svc);
	p.core.oauth = oauth_new(&p.svc);
	service_path(&p.svc, "domains", SANDBOX_READ);
	service_path(&p.svc, "etc", SANDBOX_READ);
	service_path(&p.svc, "state/auth-check", SANDBOX_READ | SANDBOX_WRITE | SANDBOX_MKDIR | SANDBOX_REFER);
	p.board_fd = -1;
	p.board = board_new(&p.board_fd);
	service_confine(&p.svc, SANDBOX_DIRECTORY);
	p.helpers = helpers_start(processors());
	p.loop = loop_new();
	open_index(&p, home);
	if (p.board != NULL)
		index_show(p.resolver.ix, board_version(p.board));
	else
		log_failure(&p.svc, NULL, NULL, "event=no-board error=%s", strerrorname_np(errno));
	p.spaces = spaces_new(p.resolver.ix);
	refresh_on_gone(p.refresh, on_user_gone, p.spaces);
	p.resolver.refresh = p.refresh;
	p.resolver.settings = p.svc.settings;
	refresh_start(p.refresh, p.resolver.ix, p.helpers, p.loop);
	helpers_attach(p.helpers, p.loop);
	serve(&p);
	service_attach(&p.svc, p.loop, on_stop, &p);
	loop_timer(p.loop, TEND_MS, tend, &p);
	loop_timer(p.loop, 1000, flush_log, &p);
	service_ready(&p.svc);
	loop_run(p.loop);
	spaces_save(p.spaces);
	spaces_free(&p.spaces);
	index_close(&p.resolver.ix);
	log_flush(&p.svc, true);
	return EXIT_DONE;
}
