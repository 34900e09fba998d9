/*
 * logfile: one file a day and kind, written in batches.
 *
 * Invariants:
 * 1. A file consists of whole lines: what the disk took of a batch is cut off
 *    the buffer, and the rest of a line is written before anything else.
 * 2. A full disk stops nothing: lines wait in the buffer up to
 *    LIMIT_LOG_PENDING, then are counted; the count is written when the disk
 *    takes bytes again.
 * 3. A line stands in the file of the day on which it was made, though it may
 *    come, or be written, shortly after midnight.
 */
#include "base/base.h"
#include "event_log.h"
#include "base/limits.h"
#include "sys/clock.h"
#include "sys/file.h"

#include <errno.h>
#include <fcntl.h>

static bool
is_first_hour(time_t now)
{
	struct tm tm;

	localtime_r(&now, &tm);
	return tm.tm_hour == 0;
}

/* Lines begin with their time of day: in the first hour of a day one of the last is older than it. */
static bool
is_of_yesterday(struct span line, bool first_hour)
{
	return first_hour && span_starts(line, SPAN("23:"));
}

static void
name_of_day(const struct log_kind *k, bool yesterday, time_t now, char *out, size_t size)
{
	struct tm tm;

	if (yesterday)
		now -= 2 * 3600;	/* now is in the first hour, and an hour may be left out or come twice */
	localtime_r(&now, &tm);
	(void)snprintf(out, size, "%04d.%02d.%02d-%s.log", tm.tm_year + 1900, tm.tm_mon + 1,
		tm.tm_mday, k->name);
}

void
logfile_put(struct event_log *e, struct logfile *f, struct span line)
{
	if (f->pending.max == 0)
		buf_init(&f->pending, LIMIT_LOG_PENDING);
	if (f->pending.n + line.n + 1 > LIMIT_LOG_PENDING) {
		f->lost++;
	} else {
		buf_span(&f->pending, line);
		buf_char(&f->pending, '\n');
	}
	syslog_out_line(e, line);
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
	logfile_put(e, file_of(e, kind), span_of(text));
}

/* What of the pending lines belongs into one file: the rest of a line, or lines of one day. */
static struct span
piece_of_one_day(const struct logfile *f, bool first_hour)
{
	struct span all = buf_view(&f->pending), rest = all;
	const bool yesterday = is_of_yesterday(all, first_hour);

	if (f->in_line)
		return span_first(all, (size_t)span_find(all, '\n') + 1);
	if (!first_hour)
		return all;
	while (rest.n > 0 && is_of_yesterday(rest, true) == yesterday)
		rest = span_from(rest, (size_t)span_find(rest, '\n') + 1);
	return span_first(all, all.n - rest.n);
}

/* The file of that day; the rest of a line goes where it began. */
static int
open_day(struct event_log *e, struct logfile *f, bool yesterday, time_t now)
{
	char name[sizeof(f->name)];

	if (f->fd >= 0 && f->in_line)
		return 0;
	name_of_day(f->kind, yesterday, now, name, sizeof(name));
	if (f->fd >= 0 && strcmp(name, f->name) == 0)
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

/* 0, or -1 with errno when the disk took nothing. */
static int
write_piece(struct event_log *e, struct logfile *f)
{
	const time_t now = time(NULL);
	const bool first_hour = is_first_hour(now);
	struct span piece = piece_of_one_day(f, first_hour);
	ssize_t n;

	if (open_day(e, f, is_of_yesterday(piece, first_hour), now) != 0)
		return -1;
	do
		n = file_calls->write(f->fd, piece.p, piece.n);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -1;
	if (n > 0) {
		f->in_line = f->pending.p[n - 1] != '\n';
		buf_shift(&f->pending, (size_t)n);
		say_what_was_lost(e, f);
	}
	return 0;
}

static bool
flush_file(struct event_log *e, struct logfile *f)
{
	while (f->pending.n > 0) {
		if (write_piece(e, f) != 0) {
			f->failed = errno;
			return false;
		}
	}
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
