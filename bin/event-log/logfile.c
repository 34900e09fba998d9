/*
 * logfile: one file a day and kind, written in batches.
 *
 * Invariants:
 * 1. A file consists of whole lines: what the disk took of a batch is cut off
 *    the buffer, and the rest of a line is written before anything else.
 * 2. A full disk stops nothing: lines wait in the buffer up to
 *    LIMIT_LOG_PENDING, then are counted; the count is written when the disk
 *    takes bytes again.
 */
#include "base/base.h"
#include "event_log.h"
#include "base/limits.h"
#include "sys/clock.h"
#include "sys/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

static void
name_of_today(const struct log_kind *k, char *out, size_t size)
{
	time_t now = time(NULL);
	struct tm tm;

	localtime_r(&now, &tm);
	(void)snprintf(out, size, "%04d.%02d.%02d-%s.log", tm.tm_year + 1900, tm.tm_mon + 1,
		tm.tm_mday, k->name);
}

void
logfile_put(struct logfile *f, struct span line)
{
	if (f->pending.max == 0)
		buf_init(&f->pending, LIMIT_LOG_PENDING);
	if (f->pending.n + line.n + 1 > LIMIT_LOG_PENDING) {
		f->lost++;
		return;
	}
	buf_span(&f->pending, line);
	buf_char(&f->pending, '\n');
}

static struct logfile *
file_of(struct event_log *e, const char *kind)
{
	for (size_t i = 0; i < log_kind_count; i++)
		if (strcmp(log_kinds[i].name, kind) == 0)
			return &e->files[i];
	return &e->files[0];
}

void
logfile_say(struct event_log *e, const char *kind, const char *fmt, ...)
{
	char text[4 * LIMIT_LOG_LINE + 512];
	int64_t now = clock_wall_ms();
	time_t seconds = (time_t)(now / 1000);
	struct tm tm;
	int n;
	va_list ap;

	localtime_r(&seconds, &tm);
	n = snprintf(text, sizeof(text), "%02d:%02d:%02d.%03d [-][-] ", tm.tm_hour, tm.tm_min,
		tm.tm_sec, (int)(now % 1000));
	va_start(ap, fmt);
	(void)vsnprintf(text + n, sizeof(text) - (size_t)n, fmt, ap);
	va_end(ap);
	logfile_put(file_of(e, kind), span_of(text));
}

/* The file of today; the unfinished line of yesterday's stays where it began. */
static int
open_today(struct event_log *e, struct logfile *f)
{
	char name[sizeof(f->name)];

	name_of_today(f->kind, name, sizeof(name));
	if (f->fd >= 0 && (f->in_line || strcmp(name, f->name) == 0))
		return 0;
	if (f->fd >= 0)
		file_close(&f->fd);
	f->fd = file_openat(e->dir, name, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0640);
	memcpy(f->name, name, sizeof(name));
	return f->fd < 0 ? -1 : 0;
}

static void
say_what_was_lost(struct event_log *e, struct logfile *f)
{
	uint64_t lost = f->lost;

	if (lost == 0 || f->pending.n + 256 > LIMIT_LOG_PENDING)
		return;
	f->lost = 0;
	logfile_say(e, f->kind->name, "event=log-lost program=event-log lines=%llu",
		(unsigned long long)lost);
}

static void
send_to_syslog(struct event_log *e, struct span text)
{
	while (text.p != NULL && text.n > 0) {
		struct span line = span_cut(&text, '\n');
		char frame[LIMIT_LOG_LINE];
		int n = snprintf(frame, sizeof(frame), "<22>pillarbox: %.*s", SPAN_ARG(line));

		if (n > 0)
			(void)!send(e->syslog, frame, (size_t)n < sizeof(frame) ? (size_t)n : sizeof(frame) - 1,
				MSG_DONTWAIT | MSG_NOSIGNAL);
	}
}

static bool
flush_file(struct event_log *e, struct logfile *f)
{
	ssize_t n;

	if (f->pending.n == 0 && f->lost == 0)
		return true;
	if (open_today(e, f) != 0) {
		f->failed = errno;
		return false;
	}
	do {
		n = file_calls->write(f->fd, f->pending.p, f->pending.n);
		if (n < 0 && errno != EINTR) {
			f->failed = errno;
			return false;
		}
		if (n > 0) {
			if (e->syslog >= 0)
				send_to_syslog(e, span_make(f->pending.p, (size_t)n));
			f->in_line = f->pending.p[n - 1] != '\n';
			buf_shift(&f->pending, (size_t)n);
			say_what_was_lost(e, f);
		}
	} while (f->pending.n > 0);
	f->failed = 0;
	return true;
}

bool
logfile_flush_all(struct event_log *e)
{
	bool good = true;

	for (size_t i = 0; i < log_kind_count; i++)
		if (!flush_file(e, &e->files[i]))
			good = false;
	return good;
}
