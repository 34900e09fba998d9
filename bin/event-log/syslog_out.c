/*
 * syslog_out: the same lines to the machine's syslog, when that is wanted.
 *
 * syslogd may be missing, start later than we do, or start anew, which leaves our
 * socket connected to nothing: each of these is told once, lines that it did not
 * get are counted, and it is looked for again while there are lines.  The files
 * have every line all the same, so nothing here waits.
 */
#include "base/base.h"
#include "event_log.h"
#include "base/limits.h"
#include "sys/clock.h"
#include "sys/file.h"

#include <errno.h>
#include <sys/socket.h>

#define SYSLOG_SOCKET "/dev/log"
/* Facility mail, severity info (RFC 3164 4.1.1). */
#define PRIORITY "<22>"
#define LOOK_AGAIN_MS 1000

static bool
is_connected(struct event_log *e)
{
	struct syslog_out *s = &e->syslog;
	uint64_t now = clock_ms();

	if (s->fd >= 0)
		return true;
	if (s->is_gone && now < s->look_at) {
		errno = s->error;
		return false;
	}
	s->look_at = now + LOOK_AGAIN_MS;
	s->fd = owner_connect(&e->svc, SYSLOG_SOCKET, SOCK_DGRAM);
	return s->fd >= 0;
}

static bool
send_frame(struct event_log *e, const char *frame, size_t n)
{
	return is_connected(e) && send(e->syslog.fd, frame, n, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

/* A syslogd that started anew has a new socket of the same name: that is tried at once. */
static bool
send_line(struct event_log *e, struct span line)
{
	char frame[LIMIT_LOG_LINE];
	int n = snprintf(frame, sizeof(frame), PRIORITY "pillarbox: %.*s", SPAN_ARG(line));
	size_t length = (size_t)n < sizeof(frame) ? (size_t)n : sizeof(frame) - 1;
	bool was_connected = e->syslog.fd >= 0;

	if (send_frame(e, frame, length))
		return true;
	if (!was_connected || errno == EAGAIN)
		return false;
	file_close(&e->syslog.fd);
	e->syslog.is_gone = false;
	return send_frame(e, frame, length);
}

void
syslog_out_line(struct event_log *e, struct span line)
{
	struct syslog_out *s = &e->syslog;
	uint64_t missed = s->missed;

	if (!s->is_wanted)
		return;
	if (send_line(e, line)) {
		s->missed = 0;
		s->is_gone = false;
		if (missed > 0)
			logfile_say(e, "administrative", "event=syslog-missed lines=%llu",
				(unsigned long long)missed);
		return;
	}
	s->error = errno;
	s->missed++;
	if (s->error == EAGAIN || s->is_gone)	/* it is slow, or that it is gone was told */
		return;
	s->is_gone = true;
	logfile_say(e, "administrative", "event=syslog-gone socket=" SYSLOG_SOCKET " error=%s",
		strerrorname_np(s->error));
}
