/*
 * fdpass: see fdpass.h.
 *
 * Trust: the sender is hostile.  Whatever number of descriptors it attaches,
 * each that the kernel installed here is either returned or closed.
 */
#include "base/base.h"
#include "sys/fdpass.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/die.h"

/* The most that the kernel lets a sender attach (SCM_MAX_FD). */
#define KERNEL_MAX 253

ssize_t
fdpass_send(int sock, const void *data, size_t n, const int *fds, int nfds)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(FDPASS_MAX * sizeof(int))];
	} control;
	struct iovec iov = { .iov_base = (void *)(uintptr_t)data, .iov_len = n };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t sent;

	if (n == 0 || nfds < 0 || nfds > FDPASS_MAX)
		bug("fdpass_send: %zu bytes, %d descriptors", n, nfds);
	if (nfds > 0) {
		size_t size = (size_t)nfds * sizeof(int);
		struct cmsghdr *c;

		memset(&control, 0, sizeof(control));
		m.msg_control = &control;
		m.msg_controllen = CMSG_SPACE(size);
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(size);
		memcpy(CMSG_DATA(c), fds, size);
	}
	do
		sent = sendmsg(sock, &m, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent;
}

/* Move the descriptors of one control message into fds; close what has no room. */
static int
take(const struct cmsghdr *c, int *fds, int room, int *got)
{
	size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	int surplus = 0;

	for (size_t i = 0; i < count; i++) {
		int fd;

		memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
		if (*got < room) {
			fds[(*got)++] = fd;
		} else {
			close(fd);
			surplus++;
		}
	}
	return surplus;
}

static ssize_t
refuse(int *fds, int *nfds, int error)
{
	while (*nfds > 0)
		close(fds[--*nfds]);
	errno = error;
	return -1;
}

ssize_t
fdpass_recv(int sock, void *data, size_t size, int *fds, int *nfds)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(KERNEL_MAX * sizeof(int))];
	} control;
	struct iovec iov = { .iov_base = data, .iov_len = size };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control) };
	int room = *nfds, surplus = 0;
	ssize_t got;

	if (size == 0 || room < 0 || room > FDPASS_MAX)
		bug("fdpass_recv: %zu bytes, %d descriptors", size, room);
	*nfds = 0;
	do
		got = recvmsg(sock, &m, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return -1;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c != NULL; c = CMSG_NXTHDR(&m, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
			surplus += take(c, fds, room, nfds);
	/* An empty record looks like the end, where nobody expects descriptors. */
	if (surplus > 0 || (m.msg_flags & MSG_CTRUNC) || (got == 0 && *nfds > 0))
		return refuse(fds, nfds, EPROTO);
	if (m.msg_flags & MSG_TRUNC)
		return refuse(fds, nfds, EMSGSIZE);
	return got;
}
