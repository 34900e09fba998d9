/*
 * pool_fds: descriptors of the parent alone lie above those that workers need,
 * so that a worker forgets all of the parent's by one close_range.
 *
 * The kernel gives the lowest free number, so every hole below is filled, with
 * a copy of run/pub (which workers have anyway), and stays filled: what the
 * parent opens later, as a client of its control socket, cannot fall into one.
 */
#include "base/base.h"
#include "service/pool.h"
#include "base/die.h"

#include <fcntl.h>
#include <sys/socket.h>

/* More than any program has open before it forks. */
#define LOOKED_AT 1024

void
pool_split_descriptors(struct pool *p)
{
	int highest = p->svc->pub_fd, filler;

	for (int fd = 0; fd < LOOKED_AT; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			highest = fd > highest ? fd : highest;
	p->channel_slot = highest + 1;
	p->low_fd = highest + 2;
	do {
		filler = fcntl(p->svc->pub_fd, F_DUPFD_CLOEXEC, 0);
		if (filler < 0)
			die(EXIT_TRY_LATER, "no descriptors for a pool: %m");
	} while (filler < p->channel_slot);
	p->loop = loop_new();
	p->reserve_fd = -1;
	pool_keep_reserve(p);
}

int
pool_accept(int listener, struct addr *peer)
{
	union {
		struct sockaddr any;
		struct sockaddr_storage space;
	} from;
	socklen_t n = sizeof(from);
	int fd = accept4(listener, &from.any, &n, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd >= 0 && !addr_from_sockaddr(&from.any, n, peer))
		*peer = (struct addr){ .family = AF_UNIX };
	return fd;
}
