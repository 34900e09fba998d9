/* state-records: put, get, expiry, counters, walks and transactions. */
/* Features: TOOL-16. */
#include "base/base.h"
#include "tap.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include "base/buf.h"
#include "state/state.h"

static char home[] = "/tmp/state-records-XXXXXX";

static struct state *
open_ok(enum state_found *found)
{
	struct state *s;

	if (state_open(&s, home, "t.db", 1 << 20, found) < 0) {
		printf("# %s\n", state_why());
		return NULL;
	}
	return s;
}

static void
values(struct state *s)
{
	char out[64];
	size_t n = 0;

	is_num(state_get(s, SPAN("a"), 0, out, sizeof(out), &n), 0, "an absent key is absent");
	is_num(state_put(s, SPAN("a"), SPAN("one"), STATE_NEVER), 0, "a value is written");
	is_num(state_get(s, SPAN("a"), 0, out, sizeof(out), &n), 1, "and found");
	is_span(span_make(out, n), "one", "with its bytes");
	is_num(state_put(s, SPAN("a"), SPAN(""), STATE_NEVER), 0, "an empty value is a value");
	is_num(state_get(s, SPAN("a"), 0, out, sizeof(out), &n), 1, "which is found");
	is_num(n, 0, "and empty");
	is_num(state_put(s, SPAN("long"), SPAN("0123456789"), STATE_NEVER), 0, "ten bytes are written");
	is_num(state_get(s, SPAN("long"), 0, out, 9, &n), -1, "and refuse to go into nine");
	is_num(errno, EMSGSIZE, "as EMSGSIZE");
	is_num(state_delete(s, SPAN("long")), 0, "a key is deleted");
	is_num(state_delete(s, SPAN("long")), 0, "twice, which is no error");
	is_num(state_get(s, SPAN("long"), 0, out, sizeof(out), &n), 0, "and gone");
}

static void
expiry(struct state *s)
{
	char out[8];
	size_t n;

	ok(state_put(s, SPAN("e"), SPAN("x"), 100) == 0, "a value that expires at 100");
	is_num(state_get(s, SPAN("e"), 99, out, sizeof(out), &n), 1, "is there at 99");
	is_num(state_get(s, SPAN("e"), 100, out, sizeof(out), &n), 0, "and not at 100");
	is_num(state_tend(s, 100), 0, "tending removes it");
	is_num(state_get(s, SPAN("e"), 99, out, sizeof(out), &n), 0, "for good");
	is_num(state_get(s, SPAN("a"), 100, out, sizeof(out), &n), 1, "and leaves what never expires");
}

static void
counters(struct state *s)
{
	is_num(state_count(s, SPAN("c"), 0, 10, 60), 0, "a counter begins with 0");
	is_num(state_count(s, SPAN("c"), 2, 10, 60), 2, "counts");
	is_num(state_count(s, SPAN("c"), 3, 69, 60), 5, "within its window");
	is_num(state_count(s, SPAN("c"), 0, 69, 60), 5, "is read without change");
	is_num(state_count(s, SPAN("c"), 1, 70, 60), 1, "and begins anew after it");
}

static int
collect(struct span key, struct span value, int64_t expires, void *ctx)
{
	(void)value;
	(void)expires;
	buf_span(ctx, key);
	return span_is(key, "w3") ? 7 : 0;
}

static void
walks(struct state *s)
{
	struct buf keys;

	buf_init(&keys, 1000);
	for (int i = 1; i <= 4; i++) {
		char k[4];
		snprintf(k, sizeof(k), "w%d", i);
		ok(state_put(s, span_of(k), SPAN("v"), i == 2 ? 50 : STATE_NEVER) == 0, "%s is written", k);
	}
	is_num(state_each(s, SPAN("w"), 50, collect, &keys), 7, "a walk ends with the value of its function");
	is_text(buf_text(&keys), "w1w3", "in key order, without the expired");
	buf_clear(&keys);
	is_num(state_each(s, SPAN("w4"), 50, collect, &keys), 0, "or at the end");
	is_text(buf_text(&keys), "w4", "from where it was asked to begin");
	buf_free(&keys);
}

static void
transactions(struct state *s)
{
	char out[8];
	size_t n;

	ok(state_begin(s) == 0 && state_put(s, SPAN("t"), SPAN("1"), STATE_NEVER) == 0, "a write in a transaction");
	state_abort(s);
	is_num(state_get(s, SPAN("t"), 0, out, sizeof(out), &n), 0, "that is given up is not there");
	ok(state_begin(s) == 0 && state_put(s, SPAN("t"), SPAN("1"), STATE_NEVER) == 0
	   && state_commit(s) == 0, "one that is committed");
	is_num(state_get(s, SPAN("t"), 0, out, sizeof(out), &n), 1, "is");
}

/* A second process that uses the handle dies at once: two would lose every record. */
static void
other_process(struct state *s)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		close(2);
		signal(SIGABRT, SIG_DFL);
		_exit(state_delete(s, SPAN("a")) == 0 ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "a child that uses the database aborts");
}

/* Bytes of all files of the environment. */
static long long
size_of_home(void)
{
	DIR *list = opendir(home);
	struct dirent *e;
	struct stat st;
	long long sum = 0;

	while (list != NULL && (e = readdir(list)) != NULL)
		if (fstatat(dirfd(list), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
			sum += st.st_size;
	closedir(list);
	return sum;
}

static void
bounded_logs(struct state *s)
{
	char value[1000], key[32];
	int failed = 0;

	memset(value, 'x', sizeof(value));
	for (int i = 0; i < 30000; i++) {
		snprintf(key, sizeof(key), "k%d", i % 100);
		failed += state_put(s, span_of(key), span_make(value, sizeof(value)), STATE_NEVER) != 0;
		if (i % 1000 == 0)
			failed += state_tend(s, 1000 + i / 1000) != 0;
	}
	is_num(failed, 0, "60 MB of log are written");
	ok(size_of_home() < (20 << 20), "and less than 20 MB are kept");
}

int
main(void)
{
	enum state_found found;
	struct state *s;
	char out[8];
	size_t n;

	if (mkdtemp(home) == NULL)
		return 1;
	s = open_ok(&found);
	if (!ok(s != NULL, "a new database is made"))
		return done();
	is_num(found, STATE_FOUND_NONE, "and said to be new");
	values(s);
	expiry(s);
	counters(s);
	walks(s);
	transactions(s);
	other_process(s);
	state_close(&s);
	s = open_ok(&found);
	if (!ok(s != NULL, "it opens again"))
		return done();
	is_num(found, STATE_FOUND_GOOD, "and is found good");
	is_num(state_get(s, SPAN("a"), 0, out, sizeof(out), &n), 1, "with what was written");
	bounded_logs(s);
	state_close(&s);
	return done();
}
