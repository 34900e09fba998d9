/*
 * listen: see listen.h.
 */
#include "base/base.h"
#include "net/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/die.h"
#include "sys/file.h"

int
listen_tcp(const struct addr *a, int backlog)
{
	union {
		struct sockaddr any;
		struct sockaddr_storage space;
	} sa;
	socklen_t n = addr_to_sockaddr(a, &sa.space);
	int yes = 1, fd = socket(a->family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	/*
	 * Accepted sockets inherit TCP_NODELAY: a stream writes whole replies, and
	 * the last piece of a long one must not wait for the peer's delayed ACK.
	 * And SO_KEEPALIVE: a session may have no time limit, but no dead peer either.
	 */
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) < 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof(yes)) < 0 ||
	    (a->family == AF_INET6 &&
	     setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof(yes)) < 0) ||
	    bind(fd, &sa.any, n) < 0 || listen(fd, backlog) < 0) {
		file_close(&fd);
		return -1;
	}
	return fd;
}

/* Remove a socket of that name; anything else stays and bind will complain. */
static int
remove_stale(int dirfd, const char *name)
{
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -1;
	if (!S_ISSOCK(st.st_mode)) {
		errno = EEXIST;
		return -1;
	}
	return unlinkat(dirfd, name, 0);
}

int
listen_unix(int dirfd, const char *name, int type, mode_t mode, int backlog)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd, n;

	if (strchr(name, '/') != NULL)
		bug("listen_unix: %s", name);
	/* bind(2) has no dirfd; the descriptor's own name in /proc has any length */
	n = snprintf(un.sun_path, sizeof(un.sun_path), "/proc/self/fd/%d/%s", dirfd, name);
	if (n < 0 || (size_t)n >= sizeof(un.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (remove_stale(dirfd, name) < 0)
		return -1;
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	if (bind(fd, (const struct sockaddr *)&un, sizeof(un)) < 0 ||
	    fchmodat(dirfd, name, mode, 0) < 0 || (type != SOCK_DGRAM && listen(fd, backlog) < 0)) {
		file_close(&fd);
		return -1;
	}
	return fd;
}
