/*
 * state-damage: a database that was killed, cut or overwritten opens again, by
 * recovery or, after the second failure in a row, anew with the old one kept aside.
 * A lack of descriptors ends an owner, and costs no record.
 */
/* Features: TOOL-16. */
#include "base/base.h"
#include "tap.h"

#include <db.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include "state/state.h"

static char home[64];

static void
new_home(void)
{
	snprintf(home, sizeof(home), "/tmp/state-damage-XXXXXX");
	if (mkdtemp(home) == NULL)
		_exit(1);
}

static int
put_number(struct state *s, int i)
{
	char key[16], value[200];

	snprintf(key, sizeof(key), "key%06d", i);
	memset(value, 'v', sizeof(value));
	return state_put(s, span_of(key), span_make(value, sizeof(value)), STATE_NEVER);
}

static void
fill(int n)
{
	enum state_found found;
	struct state *s;

	if (state_open(&s, home, "d.db", 1 << 20, &found) < 0)
		return;
	for (int i = 0; i < n; i++)
		if (put_number(s, i) < 0)
			return;
	state_close(&s);
}

static int
count_one(struct span key, struct span value, int64_t expires, void *ctx)
{
	(void)key;
	(void)value;
	(void)expires;
	++*(int *)ctx;
	return 0;
}

struct life {
	bool good;
	enum state_found found;
	int count;
};

/* Open and read everything in a process of its own, which ends as an owner does at an error. */
static struct life
live(void)
{
	struct life l = { 0 };
	struct state *s;
	int out[2], status;
	pid_t pid;

	if (pipe(out) < 0 || (pid = fork()) < 0)
		return l;
	if (pid == 0) {
		if (state_open(&s, home, "d.db", 1 << 20, &l.found) < 0)
			_exit(1);
		l.good = state_each(s, SPAN_NONE, 0, count_one, &l.count) == 0 && put_number(s, 999999) == 0;
		if (l.good)
			state_close(&s);
		_exit(write(out[1], &l, sizeof(l)) == sizeof(l) ? 0 : 1);
	}
	close(out[1]);
	waitpid(pid, &status, 0);
	if (read(out[0], &l, sizeof(l)) != sizeof(l))
		l.good = false;
	close(out[0]);
	return l;
}

/* As a supervisor: up to four lives.  Returns the lives used, 0 for too many. */
static int
lives(enum state_found *found, int *count)
{
	for (int n = 1; n <= 4; n++) {
		struct life l = live();

		*found = l.found;
		*count = l.count;
		if (l.good)
			return n;
	}
	return 0;
}

static void
killed_while_writing(void)
{
	int bad = 0, least = 0, count;
	enum state_found found;

	new_home();
	for (int round = 0; round < 25; round++) {
		int ready[2], status;
		pid_t pid;

		if (pipe(ready) < 0)
			return;
		pid = fork();
		if (pid == 0) {
			struct state *s;
			if (state_open(&s, home, "d.db", 1 << 20, &found) < 0)
				_exit(3);
			for (int i = 0; ; i++) {
				if (put_number(s, i) < 0 || (i % 100 == 0 && state_tend(s, i) < 0))
					_exit(4);
				if (i == least + 20 && write(ready[1], "", 1) != 1)
					_exit(5);
			}
		}
		close(ready[1]);
		char c;
		bad += read(ready[0], &c, 1) != 1;
		least += 20;
		usleep((useconds_t)(round * 311));
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		close(ready[0]);
		bad += !WIFSIGNALED(status);
	}
	is_num(bad, 0, "25 owners are killed while they write");
	is_num(lives(&found, &count), 1, "the next opens at once");
	is_num(found, STATE_FOUND_GOOD, "by recovery");
	ok(count > least, "with all that was written (%d)", count);
}

/* Apply fn to the one file that matches pattern. */
static void
damage(const char *pattern, off_t at, bool cut)
{
	char path[128];
	glob_t g;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", home, pattern);
	if (glob(path, 0, NULL, &g) != 0)
		return;
	fd = open(g.gl_pathv[0], O_RDWR);
	if (cut) {
		if (ftruncate(fd, at) < 0)
			printf("# ftruncate failed\n");
	} else {
		unsigned char c[64];
		ssize_t n = pread(fd, c, sizeof(c), at);
		for (ssize_t i = 0; i < n; i++)
			c[i] ^= 0x55;
		if (n <= 0 || pwrite(fd, c, (size_t)n, at) != n)
			printf("# no bytes at %lld\n", (long long)at);
	}
	close(fd);
	globfree(&g);
}

static void
serves_again(const char *what)
{
	enum state_found found;
	int count, used = lives(&found, &count);

	ok(used >= 1 && used <= 3, "%s: serves again in life %d, %d records, found %d", what, used, count, (int)found);
}

static void
damaged_files(void)
{
	struct stat st;
	char aside[80];

	new_home();
	fill(2000);
	damage("d.db", 8192 + 100, false);
	serves_again("a page overwritten");
	snprintf(aside, sizeof(aside), "%s/bad-1", home);
	ok(stat(aside, &st) == 0, "the damaged database is kept aside");
	new_home();
	fill(2000);
	damage("d.db", 40, false);
	serves_again("the first page overwritten");
	new_home();
	fill(2000);
	damage("d.db", 5000, true);
	serves_again("the database cut");
	new_home();
	fill(2000);
	damage("log.*", 50, true);
	serves_again("the log cut");
	new_home();
	fill(2000);
	damage("log.*", 20, false);
	serves_again("the log's head overwritten");
}

static void
refused_homes(void)
{
	char path[100];
	enum state_found found;
	struct state *s;
	int fd;

	new_home();
	snprintf(path, sizeof(path), "%s/DB_CONFIG", home);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	dprintf(fd, "set_data_dir /tmp\n");
	close(fd);
	is_num(state_open(&s, home, "d.db", 1 << 20, &found), -1, "a planted DB_CONFIG is refused");
	is_num(errno, EPERM, "as EPERM");
	is_num(state_open(&s, home, "d.db", 1 << 20, &found), -1, "also the second time");
	is_num(access(path, F_OK), 0, "and is not moved aside");
	new_home();
	chmod(home, 0750);
	is_num(state_open(&s, home, "d.db", 1 << 20, &found), -1, "a directory that others may read is refused");
	is_num(errno, EPERM, "as EPERM");
}

/* The library sleeps for seconds before it tries to open a file again. */
static int
no_sleep(u_long seconds, u_long microseconds)
{
	(void)seconds;
	(void)microseconds;
	return 0;
}

/* Writes until the library finds no descriptor for its next log file; false when it never failed. */
static bool
runs_out(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		enum state_found found;
		struct rlimit none;
		struct state *s;
		int free_fd;

		if (db_env_set_func_yield(no_sleep) != 0 || state_open(&s, home, "d.db", 1 << 20, &found) < 0)
			_exit(2);
		free_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (free_fd < 0 || getrlimit(RLIMIT_NOFILE, &none) < 0)
			_exit(3);
		close(free_fd);
		none.rlim_cur = (rlim_t)free_fd;
		if (setrlimit(RLIMIT_NOFILE, &none) < 0)
			_exit(3);
		for (int i = 0; i < 100000; i++)
			if (put_number(s, i) < 0)
				_exit(75);
		_exit(0);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 75;
}

/* Each time its owner ends and is started again; nothing is wrong with the database. */
static void
no_descriptors(void)
{
	enum state_found found = STATE_FOUND_NONE;
	int count = 0;

	new_home();
	fill(1000);
	for (int i = 0; i < 3; i++)
		ok(runs_out(), "without a descriptor for the next log file a write fails (%d)", i + 1);
	is_num(lives(&found, &count), 1, "then it opens at once");
	is_num(found, STATE_FOUND_GOOD, "as it was: a lack of descriptors is no damage");
	ok(count >= 1000, "with what was in it (%d records)", count);
}

int
main(void)
{
	killed_while_writing();
	damaged_files();
	refused_homes();
	no_descriptors();
	return done();
}
