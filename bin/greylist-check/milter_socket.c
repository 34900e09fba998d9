/*
 * milter_socket: how libmilter gets the socket that mail-master bound, and how it ends.
 *
 * libmilter wants to create the socket on which it listens.  Ours is bound by
 * mail-master, in a folder this program cannot write, and outlives a restart.  So
 * smfi_opensocket makes a private one in our state folder, and the descriptor of
 * mail-master's takes its place: libmilter only ever uses the number.
 */
#include "base/base.h"
#include "milter_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <libmilter/mfapi.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include "base/die.h"
#include "greylist.h"

/* The lowest free descriptor: where the next one that is opened will be. */
static int
next_descriptor(void)
{
	int fd = fcntl(2, F_DUPFD_CLOEXEC, 0);

	if (fd < 0)
		die(EXIT_TRY_LATER, "no descriptor left: %m");
	close(fd);
	return fd;
}

static bool
is_bound_to(int fd, const char *path)
{
	struct sockaddr_un sun;
	socklen_t n = sizeof(sun);

	return getsockname(fd, (struct sockaddr *)&sun, &n) == 0 && sun.sun_family == AF_UNIX
		&& strncmp(sun.sun_path, path, sizeof(sun.sun_path)) == 0;
}

int
milter_socket_take(int listener, const char *private_path)
{
	int at = next_descriptor();

	if (smfi_opensocket(true) != MI_SUCCESS)
		return -1;
	if (!is_bound_to(at, private_path))
		bug("libmilter's socket is not descriptor %d", at);
	if (dup3(listener, at, O_CLOEXEC) < 0)
		return -1;
	close(listener);
	return 0;
}

/*
 * libmilter waits in a thread of its own for SIGTERM, SIGHUP and SIGINT by sigwait(3),
 * before any signalfd of ours sees them, and then looks whether it shall stop every
 * five seconds only; so long would a reload leave the socket unserved.  Its call is
 * bound to this function, which ends the process at once.
 */
int
sigwait(const sigset_t *set, int *signo)
{
	*signo = sigwaitinfo(set, NULL);
	if (*signo < 0)
		return errno;
	greylist_end();
}
