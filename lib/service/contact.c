/*
 * contact: the session's side, and what both sides share; the parent's is
 * pool_contact.c.
 */
#include "base/base.h"
#include "service/contact.h"
#include "base/die.h"
#include "base/limits.h"
#include "service/channel.h"
#include "service/notify.h"
#include "service/service.h"
#include "sys/clock.h"
#include "sys/fdpass.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

/* The parent keeps the time of a connection; its answer may be this late. */
#define GRACE_MS 2000
/* A Unix socket whose queue is full is tried again after this. */
#define RETRY_MS 20

int
contact_add(struct service *svc, const char *where, uint64_t timeout_ms)
{
	struct contact *c = &svc->contacts[svc->contact_count];

	if (svc->contact_count == CONTACTS_MAX)
		bug("more than %d contacts", CONTACTS_MAX);
	*c = (struct contact){ .timeout_ms = timeout_ms, .fd = -1 };
	if (!endpoint_parse(span_of(where), &c->endpoint))
		return -1;
	return (int)svc->contact_count++;
}

bool
contacts_need_tcp(const struct service *svc)
{
	for (size_t i = 0; i < svc->contact_count; i++)
		if (svc->contacts[i].endpoint.family != AF_UNIX)
			return true;
	return false;
}

bool
contacts_are_outside(const struct service *svc)
{
	for (size_t i = 0; i < svc->contact_count; i++)
		if (svc->contacts[i].endpoint.is_outside)
			return true;
	return false;
}

int
contact_start(struct service *svc, const struct contact *c, bool *pending)
{
	int fd, error;

	if (!c->endpoint.is_outside)
		return endpoint_start(&c->endpoint, pending);
	if (fchdir(svc->outside_fd) != 0)
		return -1;
	fd = endpoint_start(&c->endpoint, pending);
	error = errno;
	if (fchdir(svc->pub_fd) != 0)
		die(EXIT_REFUSED, "no way back to run/pub: %m");
	errno = error;
	return fd;
}

/* Wait for a pending connection, or a little for room in a queue. */
static int
connect_by(struct service *svc, const struct contact *c, uint64_t deadline)
{
	bool pending;
	int fd = contact_start(svc, c, &pending);

	while (fd < 0 && errno == EAGAIN && clock_ms() < deadline) {
		clock_sleep_ms(RETRY_MS);
		fd = contact_start(svc, c, &pending);
	}
	if (fd >= 0 && pending) {
		struct pollfd p = { .fd = fd, .events = POLLOUT };
		uint64_t now = clock_ms();
		int error = poll(&p, 1, deadline > now ? (int)(deadline - now) : 0) == 1
			? endpoint_error(fd) : ETIMEDOUT;

		if (error != 0) {
			close(fd);
			fd = -1;
			errno = error;
		}
	}
	return fd;
}

void
contacts_connect_all(struct service *svc)
{
	uint64_t end = clock_ms() + LIMIT_CONTACTS_MS;

	for (size_t i = 0; i < svc->contact_count; i++) {
		struct contact *c = &svc->contacts[i];
		uint64_t own = clock_ms() + c->timeout_ms;

		c->fd = connect_by(svc, c, own < end ? own : end);
		if (c->fd < 0)
			log_failure(svc, NULL, NULL, "event=contact-missing number=%zu error=%s", i,
				strerrorname_np(errno));
	}
}

static int
take_ready(struct contact *c)
{
	int fd = c->fd;

	c->fd = -1;
	if (fd < 0)
		errno = ENOTCONN;
	return fd;
}

/*
 * One message of the parent.  True when it is the answer that is waited for;
 * answers to requests that were given up are thrown away.
 */
static bool
hear_answer(struct service *svc, int which, uint8_t number, int *fd_out)
{
	unsigned char m[CHANNEL_MESSAGE_MAX] = { 0 };
	int fds[FDPASS_MAX] = { -1, -1 }, count = 1;
	ssize_t n = fdpass_recv(svc->channel, m, sizeof(m), fds, &count);

	if (n == 4 && m[0] == CHANNEL_CONTACT && m[1] == which && m[2] == number) {
		*fd_out = count == 1 ? fds[0] : -1;
		errno = m[3];
		return true;
	}
	if (count == 1)
		close(fds[0]);
	if (n < 0 && (errno == EAGAIN || errno == EINTR || errno == EPROTO || errno == EMSGSIZE))
		return false;
	(void)notify_take(svc, n > 0 ? (char)m[0] : '\0');
	if (svc->channel >= 0)
		return false;
	*fd_out = -1;
	errno = EPIPE;
	return true;
}

int
contact_connect(struct service *svc, int which)
{
	struct contact *c = &svc->contacts[which];
	unsigned char ask[3] = { CHANNEL_CONTACT, (unsigned char)which, ++svc->contact_asked };
	uint64_t end = clock_ms() + c->timeout_ms + GRACE_MS;
	int fd = -1;

	if (svc->channel < 0)
		return take_ready(c);
	if (send(svc->channel, ask, sizeof(ask), MSG_NOSIGNAL) != (ssize_t)sizeof(ask))
		return -1;
	for (;;) {
		struct pollfd p = { .fd = svc->channel, .events = POLLIN };
		uint64_t now = clock_ms();

		if (now >= end) {
			errno = ETIMEDOUT;
			return -1;
		}
		if (poll(&p, 1, (int)(end - now)) == 1 && hear_answer(svc, which, ask[2], &fd))
			return fd;
	}
}
