/*
 * greylist-check: a milter that greylists, for smtp-listen and any other MTA.
 *
 * First contact of (network, sender, recipient) is answered 451; who comes again
 * after the block period is let through, and remembered.
 *
 * Trust: everything that comes over the milter protocol is hostile; libmilter
 * parses it, this process is confined to its own database.
 * Crash: dying anywhere is safe; mail flows meanwhile, records are recovered.
 */
#include "base/base.h"
#include "greylist.h"

#include <fcntl.h>
#include "base/die.h"
#include "sys/clock.h"

#define CACHE_BYTES (8U << 20)
#define DIRECTORY_RETRY_MS 5000

struct greylist greylist;

void
greylist_log(const char *ticket, const char *ip, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	pthread_mutex_lock(&greylist.log_lock);
	log_line(&greylist.svc, ticket, ip, "%s", text);
	pthread_mutex_unlock(&greylist.log_lock);
}

/* Under directory_lock.  Without auth-check every recipient is judged alike. */
static bool
connect_directory(void)
{
	uint64_t now = clock_ms();
	int fd;

	if (greylist.directory != NULL && directory_lookup_is_up(greylist.directory))
		return true;
	directory_free(&greylist.directory);
	if (now < greylist.directory_retry_ms)
		return false;
	greylist.directory_retry_ms = now + DIRECTORY_RETRY_MS;
	fd = owner_connect(&greylist.svc, "lookup", SOCK_STREAM);
	if (fd >= 0)
		greylist.directory = directory_new(fd, -1);
	return fd >= 0;
}

bool
greylist_recipient_wants(struct span recipient, struct span sender)
{
	int wants = -1;

	pthread_mutex_lock(&greylist.directory_lock);
	if (connect_directory())
		wants = directory_greylist(greylist.directory, recipient, sender);
	pthread_mutex_unlock(&greylist.directory_lock);
	return wants != 0;
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
	if (judge_init(&greylist.judge, db) < 0)
		die(EXIT_TRY_LATER, "greylist.db: cannot read: %m (%s)", state_why());
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
	if (pthread_rwlock_init(&g->rules_lock, NULL) != 0 || pthread_mutex_init(&g->log_lock, NULL) != 0
	    || pthread_mutex_init(&g->directory_lock, NULL) != 0)
		die(EXIT_TRY_LATER, "cannot make locks");
	g->rules = rules_new(g->svc.settings);
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
