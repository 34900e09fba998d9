/*
 * abuse-check: own every counter with a time window, and the blocks that
 * follow from them.
 *
 * Trust: callers talk to the world and may have been taken over; see clients.c.
 * Crash: counters begin anew, blocks are read again from the database.  While
 * it is away, mail flows.
 */
#include "base/base.h"
#include "abuse.h"

#include <errno.h>

#include "base/die.h"
#include "notice.h"

/* 65,536 counters of each kind, of TABLE_ENTRY_BYTES. */
#define TABLE_BITS 16
#define TEND_MS 1000

static void
on_second(void *ctx)
{
	struct abuse *a = ctx;

	blocks_tend(a);
	log_flush(&a->svc, false);
	loop_timer(a->loop, TEND_MS, on_second, a);
}

static void
on_stop(void *ctx)
{
	struct abuse *a = ctx;

	loop_stop(a->loop);
}

int
main(int argc, char **argv)
{
	static struct abuse a;
	char home[SERVICE_HOME_MAX];

	service_init(&a.svc, "abuse-check", argc, argv);
	service_settings(&a.svc, "abuseLog");
	abuse_read_settings(&a);
	service_warm_up(&a.svc);
	a.addresses = table_new(TABLE_BITS);
	a.accounts = table_new(TABLE_BITS);
	a.known = table_new(TABLE_BITS);
	a.map = abuse_map_new(&a.map_fd);
	if (a.map == NULL)
		die(EXIT_TRY_LATER, "shared memory: %s", strerror(errno));
	service_path(&a.svc, "state/abuse-check", SANDBOX_READ | SANDBOX_WRITE | SANDBOX_MKDIR | SANDBOX_REFER);
	service_home(&a.svc, "state/abuse-check", home);
	service_confine(&a.svc, SANDBOX_DATABASE);
	a.loop = loop_new();
	blocks_open(&a, home);
	a.notices = notices_new(&a);
	clients_serve(&a);
	control_begin(&a);
	service_attach(&a.svc, a.loop, on_stop, &a);
	service_ready(&a.svc);
	loop_timer(a.loop, TEND_MS, on_second, &a);
	loop_run(a.loop);
	notices_end(&a);
	state_close(&a.state);
	log_flush(&a.svc, true);
	return EXIT_DONE;
}
