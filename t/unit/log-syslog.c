/*
 * Lines for syslog (LOG-06, logToSyslog) while syslogd is missing, comes, starts
 * anew and does not read: what is told, once, and what is counted.
 */
#include "base/base.h"
#include "base/buf.h"
#include "event_log.h"
#include "sys/clock.h"
#include "tap.h"
#include "tmpdir.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>

const struct log_kind log_kinds[] = { { "administrative", "*" } };
const size_t log_kind_count = 1;

static uint64_t now_ms = 1000;
static int looks;

uint64_t __wrap_clock_ms(void);
int __wrap_owner_connect(const struct service *svc, const char *name, int type);

uint64_t
__wrap_clock_ms(void)
{
	return now_ms;
}

static struct sockaddr_un
address(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	(void)snprintf(a.sun_path, sizeof(a.sun_path), "%.90s/log", tmpdir_path);
	return a;
}

int
__wrap_owner_connect(const struct service *svc, const char *name, int type)
{
	struct sockaddr_un to = address();
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	(void)svc;
	looks++;
	if (strcmp(name, "/dev/log") != 0)
		bug("looked for syslog at %s", name);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
		return fd;
	close(fd);
	errno = ENOENT;
	return -1;
}

static int
syslogd(void)
{
	struct sockaddr_un a = address();
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	(void)unlink(a.sun_path);
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0)
		bug("bind: %m");
	return fd;
}

static void
hears(int fd, const char *want, const char *name)
{
	char text[4096];
	ssize_t n = recv(fd, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	is_text(text, want, name);
}

static int
count(struct span text, struct span what)
{
	int n = 0;

	for (ssize_t at; (at = span_search(text, what)) >= 0; n++)
		text = span_from(text, (size_t)at + what.n);
	return n;
}

static int
told(const struct event_log *e, const char *what)
{
	return count(buf_view(&e->files[0].pending), span_of(what));
}

int
main(void)
{
	static struct event_log e;
	struct logfile files[1] = { { .kind = &log_kinds[0], .fd = -1 } };
	int fd, sent = 0;

	e.dir = tmpdir_open("log-syslog");
	e.files = files;
	e.syslog = (struct syslog_out){ .fd = -1 };
	logfile_put(&e, &files[0], SPAN("12:00:00.000 [-][-] zero"));
	is_num(looks, 0, "nobody looks for a syslog that is not wanted");

	e.syslog.is_wanted = true;
	for (int i = 0; i < 3; i++)
		logfile_put(&e, &files[0], SPAN("12:00:00.000 [-][-] missed"));
	is_num(told(&e, "event=syslog-gone socket=/dev/log error=ENOENT\n"), 1, "that it is missing is told once");
	is_num(looks, 1, "and it is looked for once a second");
	now_ms += 1000;
	logfile_put(&e, &files[0], SPAN("12:00:01.000 [-][-] missed"));
	is_num(looks, 2, "then again");

	fd = syslogd();
	logfile_put(&e, &files[0], SPAN("12:00:01.500 [-][-] missed"));
	now_ms += 1000;
	logfile_put(&e, &files[0], SPAN("12:00:02.000 [-][-] one"));
	hears(fd, "<22>pillarbox: 12:00:02.000 [-][-] one", "once it is there it gets lines");
	is_num(told(&e, "event=syslog-missed lines=6\n"), 1, "and how many it missed is told");
	ok(recv(fd, (char[64]){ 0 }, 64, 0) > 0, "to it too");

	close(fd);
	fd = syslogd();
	logfile_put(&e, &files[0], SPAN("12:00:03.000 [-][-] two"));
	hears(fd, "<22>pillarbox: 12:00:03.000 [-][-] two", "a syslogd that started anew misses no line");
	is_num(told(&e, "syslog-gone"), 1, "which is not worth a word");

	close(fd);
	for (int i = 0; i < 2; i++)
		logfile_put(&e, &files[0], SPAN("12:00:04.000 [-][-] missed"));
	is_num(told(&e, "syslog-gone"), 2, "one that ends is told of again, once");
	fd = syslogd();
	now_ms += 1000;
	logfile_put(&e, &files[0], SPAN("12:00:05.000 [-][-] three"));
	hears(fd, "<22>pillarbox: 12:00:05.000 [-][-] three", "and it is found again");
	is_num(told(&e, "event=syslog-missed lines=3\n"), 1, "with the number of lines it missed");

	while (e.syslog.missed == 0 && sent++ < 100000)
		logfile_put(&e, &files[0], SPAN("12:00:06.000 [-][-] many"));
	is_num(e.syslog.missed, 1, "one that does not read stops nothing");
	is_num(told(&e, "syslog-gone"), 2, "and is not gone");
	while (recv(fd, (char[64]){ 0 }, 64, 0) > 0)
		;
	logfile_put(&e, &files[0], SPAN("12:00:07.000 [-][-] four"));
	hears(fd, "<22>pillarbox: 12:00:07.000 [-][-] four", "it gets lines as soon as it reads");
	is_num(told(&e, "event=syslog-missed lines=1\n"), 1, "and the one that it missed is counted");
	close(fd);
	buf_free(&files[0].pending);
	tmpdir_remove();
	return done();
}
