/*
 * connect: see connect.h.
 */
#include "base/base.h"
#include "net/connect.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "sys/clock.h"
#include "sys/file.h"

/* Wait until the connection stands or has failed; 0, or -1 with errno. */
static int
wait_connected(int fd, uint64_t deadline)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	int error = 0;
	socklen_t n = sizeof(error);

	for (;;) {
		uint64_t now = clock_ms(), left = deadline > now ? deadline - now : 0;
		int got = poll(&p, 1, left > 3600000 ? 3600000 : (int)left);

		if (got > 0)
			break;
		if (got == 0 && left == 0) {
			errno = ETIMEDOUT;
			return -1;
		}
		if (got < 0 && errno != EINTR)
			return -1;
	}
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) < 0)
		return -1;
	errno = error;
	return error == 0 ? 0 : -1;
}

static int
connect_addr(int fd, const struct addr *to)
{
	union {
		struct sockaddr any;
		struct sockaddr_storage space;
	} sa;
	socklen_t n = addr_to_sockaddr(to, &sa.space);

	return connect(fd, &sa.any, n);
}

static int
bind_addr(int fd, const struct addr *from)
{
	union {
		struct sockaddr any;
		struct sockaddr_storage space;
	} sa;
	struct addr a = *from;
	socklen_t n;

	a.port = 0;
	n = addr_to_sockaddr(&a, &sa.space);
	return bind(fd, &sa.any, n);
}

int
connect_tcp(const struct addr *to, const struct addr *from, uint64_t deadline)
{
	int fd = socket(to->family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	if (from != NULL && bind_addr(fd, from) < 0) {
		file_close(&fd);
		return -1;
	}
	if (connect_addr(fd, to) < 0 &&
	    ((errno != EINPROGRESS && errno != EINTR) || wait_connected(fd, deadline) < 0)) {
		file_close(&fd);
		return -1;
	}
	return fd;
}

int
connect_unix(const char *name, int type)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	size_t n = strlen(name);
	int fd;

	if (n >= sizeof(un.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(un.sun_path, name, n);
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (connect(fd, (const struct sockaddr *)&un, sizeof(un)) < 0) {
		file_close(&fd);
		return -1;
	}
	return fd;
}
