/*
 * expander, deliverer: schedule's and intake's loops do not wait for a program
 * that takes nobody, what could not be asked yet is asked over the next
 * connection, and what is known is not asked.
 */
#include "base/base.h"
#include "deliverer.h"
#include "expander.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/record.h"
#include "net/listen.h"
#include "service/service.h"
#include "sys/fdpass.h"
#include "sys/shared_page.h"
#include "tap.h"

static char folder[] = "/tmp/runner-owners.XXXXXX";
static int dir;
static struct service svc = { .master_fd = -1, .log.fd = -1, .name = "unit" };
static struct loop *loop;

static void
stop(void *ctx)
{
	loop_stop(ctx);
}

static void
run(uint64_t ms)
{
	loop_timer(loop, ms, stop, loop);
	loop_run(loop);
}

static int
serve(const char *name, int type, int backlog)
{
	int fd = listen_unix(dir, name, type, 0600, backlog);

	if (fd < 0)
		_exit(99);
	return fd;
}

/* Connections that nobody accepts, until there is room for none. */
static void
fill_backlog(const char *name, int type)
{
	while (owner_connect(&svc, name, type | SOCK_NONBLOCK) >= 0)
		;
	ok(errno == EAGAIN, "%s: nobody else is let in", name);
}

/* They live as long as their process. */
static struct expander *volatile full, *volatile late, *volatile keeper;
static struct deliverer *d;

static unsigned calls, troubles;

static void
on_expanded(void *ctx, uint32_t number, enum rcpt_kind kind, const struct directory_targets *t)
{
	(void)ctx, (void)number, (void)t;
	calls++;
	troubles += kind == RCPT_TROUBLE;
}

static void
full_directory(void)
{
	int listener = serve("lookup", SOCK_STREAM, 1);

	full = expander_new(&svc, loop, false);
	fill_backlog("lookup", SOCK_STREAM);
	expander_ask(full, SPAN("a@b.example"), 1, on_expanded, NULL);
	is_num(calls, 0, "a question is not answered from within");
	run(50);
	ok(calls == 1 && troubles == 1, "a directory that takes nobody does not answer, and nobody waits for it");
	close(listener);
	(void)unlink("lookup");
}

/* The first question finds no directory, the second does before the first was given up. */
static void
late_directory(void)
{
	static const char answers[] = "12:NOTFOUND ...,12:NOTFOUND ...,";
	char text[200];
	int listener, fd;
	ssize_t n;

	late = expander_new(&svc, loop, false);
	calls = troubles = 0;
	expander_ask(late, SPAN("one@b.example"), 1, on_expanded, NULL);
	listener = serve("lookup", SOCK_STREAM, 5);
	expander_ask(late, SPAN("two@b.example"), 2, on_expanded, NULL);
	run(50);
	is_num(calls, 0, "a connection that was made since is not given up");
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	n = recv(fd, text, sizeof(text), MSG_DONTWAIT);
	ok(n > 0 && span_search(span_make(text, (size_t)n), SPAN("one@b.example")) > 0 &&
	   span_search(span_make(text, (size_t)n), SPAN("two@b.example")) > 0, "both questions are asked over it");
	ok(send(fd, answers, sizeof(answers) - 1, 0) == sizeof(answers) - 1, "both are answered");
	run(50);
	ok(calls == 2, "and both answers arrive");
	close(fd);
	close(listener);
	(void)unlink("lookup");
}

/* What the directory was asked since; it answers n times that there is no such address. */
static unsigned
asked(int fd, unsigned answers)
{
	char text[2000];
	ssize_t n = recv(fd, text, sizeof(text), MSG_DONTWAIT);
	struct span rest = span_make(text, n > 0 ? (size_t)n : 0);
	unsigned count = 0;
	ssize_t at;

	while ((at = span_search(rest, SPAN("expand "))) >= 0) {
		rest = span_from(rest, (size_t)at + 1);
		count++;
	}
	while (answers-- > 0)
		if (send(fd, "9:NOTFOUND ,", 12, 0) != 12)
			return 99;
	return count;
}

static void
ask_twice(struct expander *e)
{
	expander_ask(e, SPAN("one@b.example"), 1, on_expanded, NULL);
	expander_ask(e, SPAN("two@b.example"), 2, on_expanded, NULL);
}

static void
keeping(void)
{
	struct expander *e;
	int listener = serve("lookup", SOCK_STREAM, 5), fd, page;
	uint64_t *version = shared_page_new("version", sizeof(*version), &page);

	e = keeper = expander_new(&svc, loop, true);
	calls = troubles = 0;
	*version = 7;
	ask_twice(e);
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	ok(fdpass_send(fd, "7:OK page,", 10, &page, 1) == 10, "the directory hands out a page");
	is_num(asked(fd, 2), 2, "what is asked before it is known");
	run(30);
	is_num(calls, 2, "is answered");
	ask_twice(e);
	is_num(asked(fd, 2), 2, "and asked once more");
	run(30);
	calls = 0;
	ask_twice(e);
	is_num(calls, 0, "a kept answer does not come from within either");
	expander_ask(e, SPAN("one@b.example"), 3, on_expanded, &calls);
	expander_forget(e, &calls);
	run(30);
	ok(calls == 2 && asked(fd, 0) == 0, "then it is known, and comes in the next turn, unless it is forgotten");
	*version = 8;
	ask_twice(e);
	is_num(asked(fd, 2), 2, "with another version it is asked again");
	run(30);
	*version = 0;
	ask_twice(e);
	is_num(asked(fd, 2), 2, "while the version is hidden nothing is taken");
	run(30);
	*version = 8;
	ask_twice(e);
	is_num(asked(fd, 0), 0, "what was kept is good again when it comes back");
	run(30);
	calls = 0;
	close(fd);
	run(30);
	ask_twice(e);
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	is_num(asked(fd, 0), 2, "another directory is asked anew");
	close(fd);
	close(listener);
	(void)unlink("lookup");
	run(30);
	ok(calls == 2 && troubles == 2, "and one that goes leaves no question without a call");
}

static unsigned outcomes;

static void
on_delivered(void *ctx, const struct record *answer)
{
	(void)ctx, (void)answer;
	outcomes++;
}

static void
full_deliverer(void)
{
	int listener = serve("deliver", SOCK_SEQPACKET, 1), fd = -1;
	struct buf b;
	char text[200];
	uint64_t job;

	d = deliverer_new(&svc, loop, "deliver", 1);
	job = deliverer_begin(d, on_delivered, NULL);
	buf_init(&b, LIMIT_RECORD);
	fill_backlog("deliver", SOCK_SEQPACKET);
	record_begin(&b, "deliver");
	record_add_num(&b, "job", job);
	deliverer_send(d, job, &b, -1);
	ok(outcomes == 0 && deliverer_jobs(d) == 1, "a job waits for a deliverer that takes nobody, and the loop does not");
	for (int i = 0; i < 10; i++) {
		fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0)
			break;
		close(fd);
	}
	for (int i = 0; i < 100 && (fd < 0 || recv(fd, text, sizeof(text), MSG_DONTWAIT) <= 0); i++) {
		run(50);
		if (fd < 0)
			fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	}
	ok(fd >= 0, "and goes there when it takes callers again");
	buf_free(&b);
	close(listener);
	(void)unlink("deliver");
}

int
main(void)
{
	alarm(60);	/* a connect that waits is never over */
	if (mkdtemp(folder) == NULL || chdir(folder) != 0)
		return 99;
	dir = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	loop = loop_new();
	full_directory();
	late_directory();
	keeping();
	full_deliverer();
	(void)rmdir(folder);
	return done();
}
