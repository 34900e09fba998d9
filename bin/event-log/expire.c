/*
 * expire: remove log files older than the setting deleteLogsAfterDays.
 *
 * Only names of the form YYYY.MM.DD-KIND.log of a known kind are looked at.
 */
#include "base/base.h"
#include "event_log.h"
#include "base/num.h"
#include "sys/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>

/* The day number of a log's name, or -1. */
static int64_t
day_of_name(const char *name)
{
	struct span s = span_of(name);
	struct tm tm = { .tm_hour = 12, .tm_isdst = -1 };
	int year, month, day;

	if (s.n < 16 || s.p[4] != '.' || s.p[7] != '.' || s.p[10] != '-'
	    || !num_parse_int(span_make(s.p, 4), 9999, &year)
	    || !num_parse_int(span_make(s.p + 5, 2), 12, &month)
	    || !num_parse_int(span_make(s.p + 8, 2), 31, &day)
	    || !span_ends_nocase(s, SPAN(".log")))
		return -1;
	for (size_t i = 0; i < log_kind_count; i++)
		if (span_is(span_make(s.p + 11, s.n - 15), log_kinds[i].name)) {
			tm.tm_year = year - 1900;
			tm.tm_mon = month - 1;
			tm.tm_mday = day;
			return (int64_t)(timegm(&tm) / 86400);
		}
	return -1;
}

static int64_t
today(void)
{
	time_t now = time(NULL);
	struct tm tm;

	localtime_r(&now, &tm);
	tm.tm_hour = 12;
	return (int64_t)(timegm(&tm) / 86400);
}

void
expire_files(struct event_log *e, unsigned days)
{
	int fd = fcntl(e->dir, F_DUPFD_CLOEXEC, 0);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *d;

	if (dir == NULL) {
		if (fd >= 0)
			close(fd);
		logfile_say(e, "administrative", "event=cannot-expire error=%s", strerrorname_np(errno));
		return;
	}
	rewinddir(dir);
	while ((d = readdir(dir)) != NULL) {
		int64_t day = day_of_name(d->d_name);

		/* The last line of a day is a whole day younger than its first. */
		if (day < 0 || today() - day <= (int64_t)days)
			continue;
		if (file_unlinkat(e->dir, d->d_name, 0) == 0)
			logfile_say(e, "administrative", "event=log-deleted name=%s", d->d_name);
		else
			logfile_say(e, "administrative", "event=cannot-expire name=%s error=%s", d->d_name,
				strerrorname_np(errno));
	}
	closedir(dir);
}
