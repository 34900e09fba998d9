/*
 * launch: who started this listener, and with which sockets.
 *
 * mail-master	PILLARBOX_FDS names listening sockets: the pool
 * systemd	LISTEN_FDS, names in LISTEN_FDNAMES (FileDescriptorName=): the pool
 * inetd wait, systemd StandardInput=socket	fd 0 is a listening socket: the pool
 * inetd nowait, xinetd, tcpserver, ...		fd 0 and 1 are the connection: one session
 */
#include "base/base.h"
#include "service/service.h"
#include "base/die.h"
#include "base/mem.h"
#include "base/num.h"
#include "service/owners_private.h"
#include "service/pool.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define SYSTEMD_FIRST_FD 3

/* What a well-known local port serves; else the program's plain protocol. */
static const char *
listener_of_port(const struct service *svc, int fd)
{
	static const struct { uint16_t port; const char *name; } ports[] = {
		{ 465, "smtps" }, { 587, "submission" }, { 993, "imaps" }, { 995, "pop3s" },
	};
	static const struct { const char *program, *name; } plain[] = {
		{ "smtp-listen", "smtp" }, { "pop3-serve", "pop3" }, { "imap-serve", "imap" },
	};
	const char *told = getenv("PILLARBOX_LISTENER"), *env = getenv("TCPLOCALPORT");
	uint32_t port = 0;
	struct addr local;

	if (told != NULL && *told != '\0')
		return told;
	if (!num_parse_u32(span_of(env), 65535, &port) && addr_of_local(fd, &local) == 0)
		port = local.port;
	for (size_t i = 0; i < PB_COUNT(ports); i++)
		if (ports[i].port == port)
			return ports[i].name;
	for (size_t i = 0; i < PB_COUNT(plain); i++)
		if (strcmp(plain[i].program, svc->name) == 0)
			return plain[i].name;
	return svc->name;
}

static size_t
from_master(const struct service *svc, struct pool_listener *out)
{
	size_t n = 0;

	for (size_t i = 0; i < svc->fd_count; i++) {
		const struct service_fd *f = &svc->fds[i];

		if (strncmp(f->name, "listen.", 7) != 0 || strncmp(f->name, "listen.unix.ctl-", 16) == 0)
			continue;
		if (n == POOL_LISTENERS_MAX)
			die(EXIT_USAGE, "more than %d listening sockets", POOL_LISTENERS_MAX);
		out[n++] = (struct pool_listener){ .name = f->name + 7, .fd = f->fd };
	}
	return n;
}

static size_t
from_systemd(const struct service *svc, struct pool_listener *out)
{
	struct span names = span_of(getenv("LISTEN_FDNAMES"));
	int pid = 0, count = 0;
	size_t n = 0;

	if (!num_parse_int(span_of(getenv("LISTEN_PID")), INT32_MAX, &pid) || pid != getpid()
	    || !num_parse_int(span_of(getenv("LISTEN_FDS")), POOL_LISTENERS_MAX, &count))
		return 0;
	for (int i = 0; i < count; i++) {
		struct span name = span_cut(&names, ':');
		int fd = SYSTEMD_FIRST_FD + i;

		(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
		out[n++] = (struct pool_listener){ .fd = fd,
			.name = name.n > 0 && !span_ends_nocase(name, SPAN(".socket"))
				? mem_copy(name) : listener_of_port(svc, fd) };
	}
	return n;
}

static bool
is_listening(int fd)
{
	int value = 0;
	socklen_t n = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &n) == 0 && value != 0;
}

static int
serve_stdin(struct service *svc, session_call *session)
{
	static struct score score;
	struct stat in, out;
	bool one = fstat(0, &in) == 0 && fstat(1, &out) == 0
		&& in.st_dev == out.st_dev && in.st_ino == out.st_ino && S_ISSOCK(in.st_mode);
	const char *listener = listener_of_port(svc, 0);

	if (owners_connect_all(svc) != 0)
		die(EXIT_TRY_LATER, "an owner cannot be reached: is mail-master running?");
	if (svc->worker != NULL)
		svc->worker(svc);
	contacts_connect_all(svc);
	if (svc->outside_fd >= 0)
		close(svc->outside_fd);
	sandbox_seccomp(svc->role);
	session_serve(svc, session, listener, &score, 0, one ? 0 : 1);
	log_flush(svc, true);
	return EXIT_DONE;
}

int
service_run(struct service *svc, session_call *session)
{
	struct pool_listener listeners[POOL_LISTENERS_MAX];
	size_t n = from_master(svc, listeners);

	if (n == 0)
		n = from_systemd(svc, listeners);
	if (n == 0 && is_listening(0)) {
		listeners[0] = (struct pool_listener){ .name = listener_of_port(svc, 0), .fd = 0 };
		n = 1;
	}
	if (n > 0)
		return pool_run(svc, session, listeners, n);
	if (svc->master_fd >= 0)
		die(EXIT_USAGE, "mail-master gave no listening socket");
	return serve_stdin(svc, session);
}
