/*
 * pool_refuse: say no, in the protocol's words, while no worker can be had.
 *
 * Invariant: the parent watches its listening sockets only while it refuses,
 * and never spins: a connection costs one accept, one send and one close, also
 * when descriptors have run out, for which one is kept in reserve.
 */
#include "base/base.h"
#include "service/pool.h"
#include "sys/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

#define REFUSAL_MAX 512

static void
send_refusal(struct pool *p, const struct pool_listener *l, int fd, const struct addr *peer)
{
	char ticket[SESSION_TICKET_DIGITS + 1], text[REFUSAL_MAX] = "", ip[ADDR_TEXT_MAX] = "local";

	if (peer->family != AF_UNIX)
		addr_print(peer, ip, sizeof(ip));

	p->refused++;
	service_ticket(p->svc, ticket);
	if (p->svc->refuse != NULL)
		p->svc->refuse(p->svc, l->name, ticket, text, sizeof(text));
	if (*text != '\0')
		(void)!send(fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL);
	log_line(p->svc, ticket, ip, "event=connection-refused listener=%s reason=busy sessions=%u",
		l->name, p->busy);
	close(fd);
}

/* The last descriptor is given up to take the connection, say no, and close it. */
static int
accept_with_reserve(struct pool *p, int listener, struct addr *peer)
{
	if (p->reserve_fd < 0)
		return -1;
	close(p->reserve_fd);
	p->reserve_fd = -1;
	return pool_accept(listener, peer);
}

void
pool_keep_reserve(struct pool *p)
{
	if (p->reserve_fd < 0)
		p->reserve_fd = fcntl(p->svc->pub_fd, F_DUPFD_CLOEXEC, p->low_fd);
}

static void
on_refusable(void *ctx, int fd, unsigned events)
{
	struct pool_listener *l = ctx;
	struct pool *p = l->pool;
	struct addr peer;
	int c = pool_accept(fd, &peer);

	(void)events;
	if (c < 0 && (errno == EMFILE || errno == ENFILE))
		c = accept_with_reserve(p, fd, &peer);
	if (c >= 0)
		send_refusal(p, l, c, &peer);
	else if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR)
		clock_sleep_ms(10);	/* a shortage that the reserve does not help: do not spin */
	pool_keep_reserve(p);
}

void
pool_refuse(struct pool *p, bool refuse)
{
	for (size_t i = 0; i < p->listener_count; i++) {
		struct pool_listener *l = &p->listeners[i];

		if (!refuse)
			loop_fd_drop(&l->watch);
		else if (l->watch == NULL && l->fd >= 0)
			l->watch = loop_fd(p->loop, l->fd, LOOP_READ, on_refusable, l);
	}
}
