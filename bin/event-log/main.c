/*
 * event-log: own the logs.
 *
 * Programs send finished lines as datagrams to run/pub/log (lib/service/log.h);
 * this one checks and escapes them again, and appends them to one file a day
 * and kind, in batches: all that is readable is taken first, then written.
 *
 * Trust: see datagram.c.  Crash: what was not written yet is lost, which a log
 * may; a file always consists of whole lines except for a last one that was
 * cut by the crash.
 */
#include "base/base.h"
#include "event_log.h"
#include "base/die.h"
#include "base/limits.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define RETRY_MS 1000
#define HOUR_MS 3600000
/* Datagrams taken before they are written. */
#define BATCH 64

static void flush(struct event_log *e);

static void
on_retry(void *ctx)
{
	struct event_log *e = ctx;

	e->retry = NULL;
	flush(e);
}

static void
flush(struct event_log *e)
{
	if (!logfile_flush_all(e) && e->retry == NULL)
		e->retry = loop_timer(e->loop, RETRY_MS, on_retry, e);
}

static uid_t
sender(struct msghdr *m)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
		struct ucred who;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_CREDENTIALS)
			continue;
		memcpy(&who, CMSG_DATA(c), sizeof(who));
		return who.uid;
	}
	return (uid_t)-1;
}

/* False when there is no more. */
static bool
take_one(struct event_log *e)
{
	static char text[LIMIT_LOG_DATAGRAM + 256];
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(struct ucred))];
	} control;
	struct iovec part = { text, sizeof(text) };
	struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(e->fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n < 0)
		return false;
	datagram_take(e, text, (size_t)n, sender(&m));
	return true;
}

static void
on_datagrams(void *ctx, int fd, unsigned events)
{
	struct event_log *e = ctx;

	(void)fd;
	(void)events;
	for (int i = 0; i < BATCH && take_one(e); i++)
		;
	flush(e);
}

static void
on_stop(void *ctx)
{
	struct event_log *e = ctx;

	while (take_one(e))
		;
	flush(e);
	loop_stop(e->loop);
}

static void
on_hour(void *ctx)
{
	struct event_log *e = ctx;

	if (settings_enabled(e->svc.settings, "deleteLogsAfterDays"))
		expire_files(e, (unsigned)settings_num(e->svc.settings, "deleteLogsAfterDays"));
	flush(e);
	e->hourly = loop_timer(e->loop, HOUR_MS, on_hour, e);
}

static void
open_files(struct event_log *e)
{
	int on = 1;

	e->fd = service_fd(&e->svc, "listen.unix.log");
	if (e->fd < 0)
		die(EXIT_USAGE, "mail-master gave no socket");
	if (setsockopt(e->fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) != 0)
		die(EXIT_REFUSED, "SO_PASSCRED: %m");
	e->dir = instance_openat(&e->svc.instance, "log", O_RDONLY | O_DIRECTORY, 0);
	if (e->dir < 0)
		die(EXIT_NO_OBJECT, "cannot open the folder log: %m");
	e->files = mem_array(log_kind_count, sizeof(*e->files));
	for (size_t i = 0; i < log_kind_count; i++)
		e->files[i] = (struct logfile){ .kind = &log_kinds[i], .fd = -1 };
	e->syslog = (struct syslog_out){ .is_wanted = settings_bool(e->svc.settings, "logToSyslog"), .fd = -1 };
}

int
main(int argc, char **argv)
{
	static struct event_log e;

	service_init(&e.svc, "event-log", argc, argv);
	service_settings(&e.svc, "administrative");
	service_warm_up(&e.svc);
	open_files(&e);
	service_path(&e.svc, "log", SANDBOX_READ | SANDBOX_WRITE);
	service_confine(&e.svc, SANDBOX_LOG);
	(void)umask(027);	/* the manifest: group pblog may read logs */
	e.loop = loop_new();
	service_attach(&e.svc, e.loop, on_stop, &e);
	if (loop_fd(e.loop, e.fd, LOOP_READ, on_datagrams, &e) == NULL)
		die(EXIT_TRY_LATER, "cannot watch the socket: %m");
	service_ready(&e.svc);
	on_hour(&e);
	loop_run(e.loop);
	return EXIT_DONE;
}
