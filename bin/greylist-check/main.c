/*
 * greylist-check: a milter that greylists, for smtp-listen and any other MTA.
 *
 * First contact of (network or domain, sender, recipient) is answered 451; who comes
 * again after the block period is let through, and remembered.
 *
 * Trust: everything that comes over the milter protocol is hostile; libmilter
 * parses it, this process is confined to its own database.
 * Crash: dying anywhere is safe; mail flows meanwhile, records are recovered.
 */
#include "base/base.h"
#include "greylist.h"

#include <fcntl.h>
#include "ask.h"
#include "base/die.h"
#include "expect.h"
#include "rules.h"
#include "sys/clock.h"

/* Inner pages of ten million records. */
#define CACHE_BYTES (32U << 20)

struct greylist greylist;

void
greylist_log(const char *ticket, const char *ip, const char *fmt, ...)
{
	char text[LIMIT_LOG_LINE];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	pthread_mutex_lock(&greylist.log_lock);
	log_line(&greylist.svc, ticket, ip, "%s", text);
	pthread_mutex_unlock(&greylist.log_lock);
}

void
greylist_trouble(void)
{
	pthread_mutex_lock(&greylist.log_lock);		/* the last line goes through the log */
	die(EXIT_TRY_LATER, "greylist.db: %m (%s)", state_why());
}

static void
open_database(const char *home)
{
	enum state_found found;
	struct state *db;

	if (state_open(&db, home, "greylist.db", CACHE_BYTES, &found) < 0)
		die(EXIT_TRY_LATER, "greylist.db: cannot open: %m (%s)", state_why());
	if (found == STATE_FOUND_BAD)
		log_failure(&greylist.svc, NULL, NULL, "event=database-new why=\"the old one was damaged\"");
	if (records_open(&greylist.records, db) < 0 || expect_open(db, clock_wall_ms() / 1000) < 0)
		die(EXIT_TRY_LATER, "greylist.db: cannot read: %m (%s)", state_why());
}

/* The rules keep settings of their own: those of the service live as long as the process. */
static void
read_rules(struct greylist *g)
{
	int fd = openat(g->settings_dir, "greylist-check", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct settings *s = fd < 0 ? NULL : settings_read(fd);

	if (s == NULL)
		die(EXIT_NO_OBJECT, "run/settings/greylist-check: %m");
	close(fd);
	rules_replace(rules_new(s));
}

int
main(int argc, char **argv)
{
	struct greylist *g = &greylist;
	char home[SERVICE_HOME_MAX], socket_path[SERVICE_HOME_MAX + 8];
	int listener;

	service_init(&g->svc, "greylist-check", argc, argv);
	service_settings(&g->svc, "greylistLog");
	service_warm_up(&g->svc);
	service_home(&g->svc, "state/greylist-check", home);
	snprintf(socket_path, sizeof(socket_path), "%s/milter", home);
	g->settings_dir = instance_openat(&g->svc.instance, "run/settings", O_PATH | O_DIRECTORY, 0);
	listener = service_fd(&g->svc, "listen.unix.greylist");
	if (g->settings_dir < 0 || listener < 0)
		die(EXIT_USAGE, "mail-master did not hand over the socket, or there is no run/settings");
	if (pthread_mutex_init(&g->log_lock, NULL) != 0)
		die(EXIT_TRY_LATER, "cannot make a lock");
	read_rules(g);
	ask_init();
	service_path(&g->svc, "run/settings", SANDBOX_READ);
	service_path(&g->svc, "state/greylist-check",
		SANDBOX_READ | SANDBOX_WRITE | SANDBOX_MKDIR | SANDBOX_REFER | SANDBOX_SOCKET);
	service_confine(&g->svc, SANDBOX_DATABASE);
	open_database(home);
	milter_open(listener, socket_path);
	control_begin(service_fd(&g->svc, "listen.unix.greylist-control"));
	service_ready(&g->svc);
	return milter_run();
}
