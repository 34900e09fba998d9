/* service/control.h: requests, refusals, late answers, hostile clients. */
#include "base/base.h"
#include "base/limits.h"
#include "net/listen.h"
#include "service/control.h"
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

static struct control_call *kept;

static void
answer_late(void *ctx)
{
	struct buf reply;

	(void)ctx;
	buf_init(&reply, LIMIT_RECORD);
	record_begin(&reply, "ok");
	record_add_text(&reply, "came", "late");
	control_reply(kept, &reply);
	buf_free(&reply);
}

static bool
handle(void *ctx, struct control_call *call, const struct record *request, struct buf *reply)
{
	if (span_is(request->verb, "later")) {
		kept = call;
		loop_timer(ctx, 20, answer_late, NULL);
		return false;
	}
	if (span_is(request->verb, "no")) {
		control_error(reply, 3, "no %s", "such\nthing");
		return true;
	}
	record_begin(reply, "ok");
	record_add(reply, "echo", record_get(request, "text"));
	return true;
}

static pid_t
start_server(const char *dir)
{
	int dirfd = open(dir, O_RDONLY | O_DIRECTORY);
	int fd = listen_unix(dirfd, "control", SOCK_SEQPACKET, 0600, 8);
	pid_t pid = fork();

	if (pid == 0) {
		struct loop *l = loop_new();

		control_serve(l, fd, NULL, 0, handle, l);
		loop_run(l);
		_exit(0);
	}
	close(fd);
	return pid;
}

static void
ask(const char *path, const char *verb, const char *text, struct record *reply)
{
	struct buf request;

	buf_init(&request, LIMIT_RECORD);
	record_begin(&request, verb);
	record_add_text(&request, "text", text);
	ok(control_call(path, &request, 5000, reply) == 0, "%s is answered", verb);
	buf_free(&request);
}

/* A connection that says nothing, or what is no record. */
static int
raw_client(const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	memcpy(to.sun_path, path, strlen(path) + 1);
	ok(connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0, "a client connects");
	return fd;
}

/* A request that is a record of n bytes. */
static bool
is_answered(const char *path, size_t n)
{
	static const char begin[] = "echo\ntext=";
	static char text[LIMIT_RECORD + 1], answer[LIMIT_RECORD];
	int fd = raw_client(path);
	ssize_t got;

	memset(text, 'x', n);
	memcpy(text, begin, sizeof(begin) - 1);
	text[n - 1] = '\n';
	ok(send(fd, text, n, MSG_NOSIGNAL) == (ssize_t)n, "a request of %zu bytes", n);
	got = recv(fd, answer, sizeof(answer), 0);
	close(fd);
	return got > 8 && memcmp(answer, "ok\necho=x", 9) == 0;
}

static bool
is_served(int fd)
{
	char answer[512];

	return send(fd, "echo\ntext=x\n", 12, MSG_NOSIGNAL) == 12 && recv(fd, answer, sizeof(answer), 0) > 0;
}

/* With `first`, who is connected already, as many as there may be, and one more. */
static void
crowd(const char *path, int first)
{
	int fd[LIMIT_CONTROL_CLIENTS] = { first };
	char answer[512];
	int served = 0;

	for (int i = 1; i < LIMIT_CONTROL_CLIENTS; i++)
		fd[i] = raw_client(path);
	for (int i = 0; i < LIMIT_CONTROL_CLIENTS; i++)
		served += is_served(fd[i]);
	is_num(served, LIMIT_CONTROL_CLIENTS, "callers at LIMIT_CONTROL_CLIENTS are all served");
	{
		int over = raw_client(path);

		is_num(recv(over, answer, sizeof(answer), 0), 0, "the caller over LIMIT_CONTROL_CLIENTS is closed");
		close(over);
	}
	ok(is_served(first), "who was there before is served on");
	for (int i = 1; i < LIMIT_CONTROL_CLIENTS; i++)
		close(fd[i]);
}

static void
hostile_clients(const char *path)
{
	int silent = raw_client(path), wrong = raw_client(path);
	char answer[512];
	struct record reply;
	ssize_t n;

	ok(send(wrong, "no record", 9, MSG_NOSIGNAL) == 9, "something that is no record");
	n = recv(wrong, answer, sizeof(answer), 0);
	ok(n > 6 && memcmp(answer, "error\n", 6) == 0, "is answered by an error");
	close(wrong);
	ok(is_answered(path, LIMIT_RECORD), "a request at LIMIT_RECORD is answered");
	ok(!is_answered(path, LIMIT_RECORD + 1), "one over LIMIT_RECORD ends its connection");
	ask(path, "echo", "still here", &reply);
	is_span(record_get(&reply, "echo"), "still here", "and nobody else is touched");
	record_free(&reply);
	crowd(path, silent);
	close(silent);
}

int
main(void)
{
	char dir[] = "/tmp/pillarbox-control-XXXXXX", path[64];
	struct record reply;
	struct buf request;
	pid_t pid;

	(void)signal(SIGPIPE, SIG_IGN);
	alarm(60);
	ok(mkdtemp(dir) != NULL, "a folder");
	(void)snprintf(path, sizeof(path), "%s/control", dir);
	pid = start_server(dir);
	ask(path, "echo", "a\nb \\ c", &reply);
	is_span(record_get(&reply, "echo"), "a\nb \\ c", "the value comes back whole");
	record_free(&reply);
	ask(path, "no", "", &reply);
	is_span(reply.verb, "error", "an error");
	is_span(record_get(&reply, "exit"), "3", "has its exit code");
	record_free(&reply);
	ask(path, "later", "", &reply);
	is_span(record_get(&reply, "came"), "late", "an answer may come later");
	record_free(&reply);
	hostile_clients(path);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	buf_init(&request, LIMIT_RECORD);
	record_begin(&request, "echo");
	ok(control_call(path, &request, 1000, &reply) == -1 && errno == ECONNREFUSED, "nobody serves: ECONNREFUSED");
	unlink(path);
	ok(control_call(path, &request, 1000, &reply) == -1 && errno == ENOENT, "no socket: ENOENT");
	buf_free(&request);
	rmdir(dir);
	return done();
}
