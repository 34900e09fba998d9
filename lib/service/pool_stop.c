/*
 * pool_stop: the end of a listener, in peace or soon.
 *
 * retire: a new generation serves; sessions have all the time they need.
 * stop (SIGTERM, or mail-master is gone): sessions are told, and those that
 * still go on after STOP_MS are ended, which a session may suffer at any point.
 */
#include "base/base.h"
#include "service/pool.h"
#include "service/channel.h"
#include "service/master.h"

#include <signal.h>

/* How long sessions may go on when the server stops. */
#define STOP_MS 20000

static void
tell_all(struct pool *p, char message)
{
	for (unsigned i = 0; i < p->max_total; i++)
		if (p->workers[i].pid != 0) {
			pool_say(&p->workers[i], message);
			pool_count_leaving(&p->workers[i]);
		}
}

static void
on_hurry(void *ctx)
{
	struct pool *p = ctx;

	p->hurry = NULL;
	for (unsigned i = 0; i < p->max_total; i++)
		if (p->workers[i].pid != 0)
			(void)kill(p->workers[i].pid, SIGTERM);
}

static void
stop_listening(struct pool *p)
{
	pool_refuse(p, false);
	for (size_t i = 0; i < p->listener_count; i++) {
		if (p->listeners[i].fd >= 0)
			close(p->listeners[i].fd);
		p->listeners[i].fd = -1;
	}
	loop_timer_drop(&p->retry);
	loop_timer_drop(&p->look);
}

/* mail-master tells mailctl how many sessions go on. */
static void
tell_finishing(const struct pool *p)
{
	char text[MASTER_MESSAGE_MAX];

	(void)snprintf(text, sizeof(text), "finishing %u", p->busy);
	(void)master_tell(p->svc, text);	/* when it is gone, nobody asks */
}

/* A new generation serves: no more connections, and sessions have all their time. */
static void
retire(struct pool *p)
{
	if (p->is_stopping)
		return;
	p->is_stopping = true;
	stop_listening(p);
	control_stop(&p->control);
	tell_all(p, CHANNEL_LEAVE);
	tell_finishing(p);
	pool_maintain(p);
}

/* Strangers that say nothing hear at once that the server ends; all others may finish what they do. */
static void
end_silent(const struct pool *p)
{
	for (unsigned i = 0; i < p->max_total; i++)
		if (p->workers[i].pid != 0 && p->workers[i].is_busy)
			(void)kill(p->workers[i].pid, SESSION_END_SIGNAL);
}

static void
stop(struct pool *p)
{
	bool first = !p->is_stopping;

	p->is_stopping = true;
	if (first)
		stop_listening(p);
	if (p->hurry == NULL)
		p->hurry = loop_timer(p->loop, STOP_MS, on_hurry, p);
	tell_all(p, CHANNEL_STOP);
	end_silent(p);
	tell_finishing(p);
	pool_maintain(p);
}

static void
on_stop_signal(void *ctx, int signo)
{
	(void)signo;
	stop(ctx);
}

static void
on_master(void *ctx, int fd, unsigned events)
{
	struct pool *p = ctx;

	(void)fd;
	(void)events;
	switch (master_read(p->svc)) {
	case MASTER_NOTHING:
	case MASTER_RELOAD:	/* is not said to pools */
		break;
	case MASTER_RETIRE:
		retire(p);
		break;
	case MASTER_GONE:
		loop_fd_drop(&p->svc->master_watch);
		stop(p);
		break;
	}
}

void
pool_stop_attach(struct pool *p)
{
	loop_signal(p->loop, SIGTERM, on_stop_signal, p);
	loop_signal(p->loop, SIGINT, on_stop_signal, p);
	if (p->svc->master_fd >= 0)
		p->svc->master_watch = loop_fd(p->loop, p->svc->master_fd, LOOP_READ, on_master, p);
}
