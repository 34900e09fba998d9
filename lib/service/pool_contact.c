/*
 * pool_contact: the parent connects for its workers; contact.h says why.
 *
 * Invariants:
 * 1. A worker has at most one connection in the making; a new request takes
 *    the place of the old one.
 * 2. Nothing here waits: a connection is begun, watched, and given up at its
 *    deadline by a timer.
 * 3. Every request that names a contact is answered once, unless the worker
 *    asked anew or does not read: its channel holds few answers
 *    (pool.c, make_channel), so that descriptors on their way are few too.
 */
#include "base/base.h"
#include "service/pool.h"
#include "service/channel.h"
#include "service/contact.h"
#include "sys/clock.h"
#include "sys/fdpass.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#define RETRY_MS 20

static void attempt(struct pool_worker *w);

static void
answer(struct pool_worker *w, int error)
{
	struct pool_call *call = &w->call;
	unsigned char m[4] = { CHANNEL_CONTACT, call->which, call->number, (unsigned char)error };

	if (w->channel >= 0)
		(void)fdpass_send(w->channel, m, sizeof(m), &call->fd, call->fd >= 0 && error == 0);
	pool_contact_drop(w);
}

static void
on_connected(void *ctx, int fd, unsigned events)
{
	(void)events;
	answer(ctx, endpoint_error(fd));
}

static void
on_timer(void *ctx)
{
	struct pool_worker *w = ctx;

	w->call.timer = NULL;
	if (w->call.fd >= 0 || clock_ms() >= w->call.deadline)
		answer(w, ETIMEDOUT);
	else
		attempt(w);
}

static void
attempt(struct pool_worker *w)
{
	struct pool *p = w->pool;
	struct pool_call *call = &w->call;
	uint64_t now = clock_ms(), left = call->deadline > now ? call->deadline - now : 0;
	bool pending;

	call->fd = contact_start(p->svc, &p->svc->contacts[call->which], &pending);
	if (call->fd < 0 && errno == EAGAIN) {
		call->timer = loop_timer(p->loop, left < RETRY_MS ? left : RETRY_MS, on_timer, w);
	} else if (call->fd < 0) {
		answer(w, errno);
	} else if (!pending) {
		answer(w, 0);
	} else {
		call->timer = loop_timer(p->loop, left, on_timer, w);
		call->watch = loop_fd(p->loop, call->fd, LOOP_WRITE, on_connected, w);
		if (call->watch == NULL)
			answer(w, errno);
	}
}

void
pool_contact_begin(struct pool_worker *w, unsigned char which, unsigned char number)
{
	struct service *svc = w->pool->svc;

	pool_contact_drop(w);
	if (which >= svc->contact_count)
		return;
	w->call.which = which;
	w->call.number = number;
	w->call.deadline = clock_ms() + svc->contacts[which].timeout_ms;
	attempt(w);
}

void
pool_contact_drop(struct pool_worker *w)
{
	loop_timer_drop(&w->call.timer);
	loop_fd_drop(&w->call.watch);
	if (w->call.fd >= 0)
		close(w->call.fd);
	w->call.fd = -1;
}
