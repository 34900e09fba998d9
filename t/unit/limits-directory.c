/* How long a failed log-in may make a client wait, and how long a log-in name may be. */
#include "base/base.h"
#include "base/buf.h"
#include "base/die.h"
#include "base/limits.h"
#include "check/abuse_client.h"
#include "directory/directory.h"
#include "sys/fdpass.h"
#include "tap.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a worker reads in answer to a log-in that fails with that delay. */
static uint32_t
delay_of(unsigned long ms, size_t name_n, enum auth_result *result)
{
	static const struct auth_request request = { .service = "smtp", .mechanism = "PLAIN",
		.remote_ip = "", .local_ip = "", .session = "1", .secured = true };
	char name[LIMIT_LOGIN_NAME + 1], text[200];
	struct auth_reply reply = { .mailbox = -1 };
	struct directory *d;
	static unsigned logins;		/* they are numbered through the life of a process */
	int fds[2], n;

	logins += name_n <= LIMIT_LOGIN_NAME;
	memset(name, 'n', sizeof(name));
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
		bug("socketpair: %m");
	/* All that the other side will say stands in the socket before it is asked. */
	n = snprintf(text, sizeof(text), "VERSION\t1\t2\nMECH\tPLAIN\nDONE\nFAIL\t%u\tdelay=%lu\n", logins, ms);
	if (write(fds[1], text, (size_t)n) != n)
		bug("write: %m");
	d = directory_new(-1, fds[0]);
	*result = auth_plain(d, &request, span_make(name, name_n), SPAN("secret"), &reply);
	directory_free(&d);
	close(fds[1]);
	return reply.delay_ms;
}

/* What a look-up means whose answer has n bytes, as a refusal with a long text. */
static enum rcpt_kind
kind_of_answer(size_t n)
{
	static const char begin[] = "PERM 550 5.1.1 ";
	struct directory_rcpt out;
	struct directory *d;
	enum rcpt_kind kind;
	struct buf b;
	int fds[2];
	pid_t pid;

	buf_init(&b, n + 100);
	buf_printf(&b, "%zu:%s", n, begin);
	memset(buf_reserve(&b, n), 't', n);
	buf_commit(&b, n - (sizeof(begin) - 1));
	buf_char(&b, ',');
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0 || (pid = fork()) < 0)
		bug("socketpair: %m");
	if (pid == 0) {
		close(fds[0]);
		for (size_t at = 0; at < b.n;) {
			ssize_t sent = send(fds[1], b.p + at, b.n - at, MSG_NOSIGNAL);

			if (sent <= 0)
				_exit(0);
			at += (size_t)sent;
		}
		_exit(0);
	}
	close(fds[1]);
	d = directory_new(fds[0], -1);
	kind = directory_rcpt(d, SPAN("a@b.example"), &out);
	directory_free(&d);
	waitpid(pid, NULL, 0);
	buf_free(&b);
	return kind;
}

static uint32_t
delay_by_abuse_check(unsigned long ms)
{
	char text[100];
	struct abuse_client *c;
	uint32_t delay;
	int fds[2], map = memfd_create("map", 0), n;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0 ||
	    fdpass_send(fds[1], "blocks\n", 7, &map, 1) != 7)
		bug("socketpair: %m");
	n = snprintf(text, sizeof(text), "ok\ndelay=%lu\n", ms);
	if (send(fds[1], text, (size_t)n, 0) != n)
		bug("send: %m");
	c = abuse_new(fds[0]);
	delay = abuse_login_failed(c, "smtp", "192.0.2.1", SPAN("x"));
	abuse_free(&c);
	close(fds[1]);
	close(map);
	return delay;
}

int
main(void)
{
	enum auth_result result;

	is_num(delay_of(LIMIT_LOGIN_DELAY_MS, 5, &result), LIMIT_LOGIN_DELAY_MS, "a wait at LIMIT_LOGIN_DELAY_MS, asked for by auth-check");
	is_num(result, AUTH_FAILED, "the log-in failed");
	is_num(delay_of(LIMIT_LOGIN_DELAY_MS + 1, 5, &result), 0, "over LIMIT_LOGIN_DELAY_MS it is not believed");
	is_num(result, AUTH_FAILED, "the failure is");
	is_num(delay_by_abuse_check(LIMIT_LOGIN_DELAY_MS), LIMIT_LOGIN_DELAY_MS, "so may abuse-check");
	is_num(delay_by_abuse_check(LIMIT_LOGIN_DELAY_MS + 1), 0, "and no more");
	is_num(delay_of(100, LIMIT_LOGIN_NAME, &result), 100, "a name at LIMIT_LOGIN_NAME is asked");
	is_num(delay_of(100, LIMIT_LOGIN_NAME + 1, &result), 0, "over LIMIT_LOGIN_NAME it is not");
	is_num(result, AUTH_FAILED, "it is a log-in that failed");
	is_num(kind_of_answer(LIMIT_SOCKETMAP_REPLY), RCPT_REFUSED, "an answer at LIMIT_SOCKETMAP_REPLY is read");
	is_num(kind_of_answer(LIMIT_SOCKETMAP_REPLY + 1), RCPT_TROUBLE, "over LIMIT_SOCKETMAP_REPLY it is none");
	return done();
}
