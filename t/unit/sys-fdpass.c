/* fdpass: descriptors arrive or are closed, whatever the sender attaches. */
#include "base/base.h"
#include "sys/fdpass.h"
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

static int
open_fds(void)
{
	int n = 0;

	for (int i = 0; i < 256; i++)
		n += fcntl(i, F_GETFD) >= 0;
	return n;
}

/* More descriptors than fdpass_send would ever attach. */
static void
send_many(int sock, const char *text, int count)
{
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(64 * sizeof(int))];
	} control = { .space = { 0 } };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)text, .iov_len = strlen(text) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
		.msg_controllen = CMSG_SPACE((size_t)count * sizeof(int)) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN((size_t)count * sizeof(int));
	for (int i = 0; i < count; i++)
		memcpy(CMSG_DATA(c) + (size_t)i * sizeof(int), &(int){ 1 }, sizeof(int));
	ok(sendmsg(sock, &m, 0) == (ssize_t)strlen(text), "a sender attaches %d descriptors", count);
}

int
main(void)
{
	int pair[2], fds[FDPASS_MAX], n, before;
	char data[16];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return 1;
	before = open_fds();
	n = 2;
	is_num(fdpass_send(pair[0], "hello", 5, (int[]){ 0, 1 }, 2), 5, "text with two descriptors");
	is_num(fdpass_recv(pair[1], data, sizeof(data), fds, &n), 5, "the text arrives");
	is_num(n, 2, "with both");
	ok(fcntl(fds[0], F_GETFD) == FD_CLOEXEC, "close-on-exec");
	close(fds[0]);
	close(fds[1]);

	n = 0;
	is_num(fdpass_send(pair[0], "x", 1, (int[]){ 1 }, 1), 1, "a descriptor that nobody asked for");
	ok(fdpass_recv(pair[1], data, sizeof(data), fds, &n) == -1 && errno == EPROTO, "is hostile");
	send_many(pair[0], "x", 60);
	n = 2;
	ok(fdpass_recv(pair[1], data, sizeof(data), fds, &n) == -1 && errno == EPROTO, "so are sixty");
	is_num(n, 0, "none is returned");
	send_many(pair[0], "", 1);
	n = 1;
	ok(fdpass_recv(pair[1], data, sizeof(data), fds, &n) == -1 && errno == EPROTO, "one without any text is not the end");
	is_num(n, 0, "... and is closed");
	is_num(fdpass_send(pair[0], "0123456789abcdefX", 17, (int[]){ 1 }, 1), 17, "a record too long");
	n = 1;
	ok(fdpass_recv(pair[1], data, sizeof(data), fds, &n) == -1 && errno == EMSGSIZE, "is refused");
	is_num(open_fds(), before, "no descriptor is left open");
	close(pair[0]);
	n = 1;
	is_num(fdpass_recv(pair[1], data, sizeof(data), fds, &n), 0, "the end is 0");
	ok(fdpass_send(pair[1], "x", 1, NULL, 0) == -1 && errno == EPIPE, "writing then fails without a signal");
	return done();
}
