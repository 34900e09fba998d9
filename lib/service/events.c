/*
 * events: how an event-driven program starts and learns that it shall end.
 */
#include "base/base.h"
#include "service/service.h"
#include "base/die.h"
#include "service/master.h"
#include "service/owners_private.h"

#include <signal.h>

void
service_ready(struct service *svc)
{
	if (owners_connect_all(svc) != 0)
		die(EXIT_TRY_LATER, "an owner cannot be reached");
	sandbox_seccomp(svc->role);
	if (master_tell(svc, "ready") != 0)
		die(EXIT_TRY_LATER, "mail-master is gone");
}

static void
stop_once(struct service *svc)
{
	if (svc->has_stopped)
		return;
	svc->has_stopped = true;
	svc->on_stop(svc->stop_ctx);
}

static void
on_master(void *ctx, int fd, unsigned events)
{
	struct service *svc = ctx;
	enum master_event what = master_read(svc);

	(void)fd;
	if (what == MASTER_RELOAD) {
		if (svc->on_reload != NULL)
			svc->on_reload(svc->stop_ctx);
		return;
	}
	if (what == MASTER_GONE || (events & LOOP_HANGUP && !(events & LOOP_READ)))
		loop_fd_drop(&svc->master_watch);
	if (what != MASTER_NOTHING || svc->master_watch == NULL)
		stop_once(svc);
}

static void
on_signal(void *ctx, int signo)
{
	(void)signo;
	stop_once(ctx);
}

void
service_attach(struct service *svc, struct loop *loop, loop_timer_call *on_stop, void *ctx)
{
	svc->loop = loop;
	svc->on_stop = on_stop;
	svc->stop_ctx = ctx;
	loop_signal(loop, SIGTERM, on_signal, svc);
	loop_signal(loop, SIGINT, on_signal, svc);
	if (svc->master_fd < 0)
		return;
	svc->master_watch = loop_fd(loop, svc->master_fd, LOOP_READ, on_master, svc);
	if (svc->master_watch == NULL)
		die(EXIT_TRY_LATER, "cannot watch mail-master: %m");
}
