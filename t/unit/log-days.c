/*
 * Log files of days: a line stands in the file of its own day, midnight splits no
 * line, and files are removed once all of their lines are old (LOG-06, LOG-07).
 * The clock is the test's.
 */
#include "base/base.h"
#include "base/buf.h"
#include "event_log.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "tap.h"
#include "tmpdir.h"

#include <errno.h>

const struct log_kind log_kinds[] = { { "administrative", "*" }, { "smtpLog", "*" } };
const size_t log_kind_count = 2;

static time_t now;
static const struct file_calls *true_calls;
static struct file_calls calls;
static size_t room = SIZE_MAX;		/* bytes that the disk still takes */

time_t __wrap_time(time_t *out);
int64_t __wrap_clock_wall_ms(void);

time_t
__wrap_time(time_t *out)
{
	if (out != NULL)
		*out = now;
	return now;
}

int64_t
__wrap_clock_wall_ms(void)
{
	return (int64_t)now * 1000;
}

static ssize_t
on_write(int fd, const void *data, size_t n)
{
	ssize_t got;

	if (room == 0) {
		errno = ENOSPC;
		return -1;
	}
	got = true_calls->write(fd, data, n < room ? n : room);
	room -= got > 0 && room != SIZE_MAX ? (size_t)got : 0;
	return got;
}

static void
at(int month, int day, int hour, int minute, int second)
{
	struct tm tm = { .tm_year = 126, .tm_mon = month - 1, .tm_mday = day, .tm_hour = hour,
		.tm_min = minute, .tm_sec = second, .tm_isdst = -1 };

	now = mktime(&tm);
}

static void
is_file(const struct event_log *e, const char *name, const char *want, const char *test)
{
	char text[4096] = "";
	int fd = openat(e->dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	if (fd >= 0)
		close(fd);
	is_text(text, want, test);
}

static void
put(struct event_log *e, const char *line)
{
	logfile_put(e, &e->files[1], span_of(line));
}

static void
over_midnight(struct event_log *e)
{
	at(10, 24, 23, 59, 59);
	put(e, "23:59:59.100 one");
	ok(logfile_flush_all(e), "a line before midnight");
	at(10, 25, 0, 0, 0);
	put(e, "23:59:59.900 late");
	put(e, "00:00:00.010 two");
	ok(logfile_flush_all(e), "one that is late, and one after it, in one batch");
	is_file(e, "2026.10.24-smtpLog.log", "23:59:59.100 one\n23:59:59.900 late\n", "lines of the day before");
	is_file(e, "2026.10.25-smtpLog.log", "00:00:00.010 two\n", "and of the day");
	put(e, "23:59:59.950 later");
	put(e, "00:00:00.020 three");
	(void)logfile_flush_all(e);
	is_file(e, "2026.10.24-smtpLog.log", "23:59:59.100 one\n23:59:59.900 late\n23:59:59.950 later\n",
		"the file of yesterday is opened again");
	is_file(e, "2026.10.25-smtpLog.log", "00:00:00.010 two\n00:00:00.020 three\n", "and that of today");
	at(10, 25, 23, 0, 0);
	put(e, "23:00:00.000 four");
	(void)logfile_flush_all(e);
	is_file(e, "2026.10.25-smtpLog.log", "00:00:00.010 two\n00:00:00.020 three\n23:00:00.000 four\n",
		"the last hour of a day of 25 hours is its own");
	logfile_say(e, "administrative", "event=x");
	(void)logfile_flush_all(e);
	is_file(e, "2026.10.25-administrative.log", "23:00:00.000 [-][-] event=x\n", "each kind has its file");
}

static void
full_disk_over_midnight(struct event_log *e)
{
	at(11, 1, 23, 59, 59);
	put(e, "23:59:59.000 a line in two parts");
	room = 10;
	ok(!logfile_flush_all(e) && e->files[1].failed == ENOSPC, "the disk takes the first part of a line");
	at(11, 2, 0, 0, 1);
	put(e, "00:00:01.000 next");
	room = SIZE_MAX;
	ok(logfile_flush_all(e), "and the rest after midnight");
	is_file(e, "2026.11.01-smtpLog.log", "23:59:59.000 a line in two parts\n", "the line is whole where it began");
	is_file(e, "2026.11.02-smtpLog.log", "00:00:01.000 next\n", "and what follows stands in the new file");
}

static void
plant(const struct event_log *e, const char *name)
{
	int fd = openat(e->dir, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0640);

	if (fd < 0)
		bug("%s: %m", name);
	close(fd);
}

static bool
is_there(const struct event_log *e, const char *name)
{
	return faccessat(e->dir, name, F_OK, 0) == 0;
}

static void
old_files(struct event_log *e)
{
	static const char *const young[] = { "2026.03.01-smtpLog.log", "2026.02.28-smtpLog.log",
		"2026.02.27-smtpLog.log", "2026.03.02-smtpLog.log" };
	static const char *const old[] = { "2026.02.26-smtpLog.log", "2026.02.26-administrative.log",
		"2025.12.31-smtpLog.log" };
	static const char *const others[] = { "2026.01.01-other.log", "2026.01.01-smtpLog.log.gz",
		"2026.13.01-smtpLog.log", "2026.01.32-smtpLog.log", "smtpLog.log", "notes" };
	bool good = true;

	for (size_t i = 0; i < PB_COUNT(young); i++)
		plant(e, young[i]);
	for (size_t i = 0; i < PB_COUNT(old); i++)
		plant(e, old[i]);
	for (size_t i = 0; i < PB_COUNT(others); i++)
		plant(e, others[i]);
	at(3, 1, 0, 30, 0);
	expire_files(e, 2);
	for (size_t i = 0; i < PB_COUNT(young); i++)
		ok(is_there(e, young[i]), "%s has lines younger than two days and stays", young[i]);
	for (size_t i = 0; i < PB_COUNT(old); i++)
		ok(!is_there(e, old[i]), "%s goes", old[i]);
	for (size_t i = 0; i < PB_COUNT(others); i++)
		good = good && is_there(e, others[i]);
	ok(good, "files of other names stay");
	ok(span_search(buf_view(&e->files[0].pending), SPAN("event=log-deleted name=2026.02.26-smtpLog.log")) >= 0,
		"what was removed is told");
	(void)logfile_flush_all(e);
	expire_files(e, 1);
	ok(is_there(e, "2026.02.28-smtpLog.log") && !is_there(e, "2026.02.27-smtpLog.log"),
		"yesterday's file stays with the shortest time there is");
}

int
main(void)
{
	static struct event_log e;
	struct logfile files[2] = { { .kind = &log_kinds[0], .fd = -1 }, { .kind = &log_kinds[1], .fd = -1 } };

	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	true_calls = file_calls;
	calls = *file_calls;
	calls.write = on_write;
	file_calls = &calls;
	e.dir = tmpdir_open("log-days");
	e.syslog.fd = -1;
	e.files = files;
	over_midnight(&e);
	full_disk_over_midnight(&e);
	old_files(&e);
	for (size_t i = 0; i < 2; i++) {
		buf_free(&files[i].pending);
		close(files[i].fd);
	}
	close(e.dir);
	tmpdir_remove();
	return done();
}
