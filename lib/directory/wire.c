/*
 * wire: poll before every read and write, so that a stopped auth-check never
 * holds a session longer than its deadline.
 */
#include "base/base.h"
#include "directory/wire.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include "sys/clock.h"
#include "sys/fdpass.h"

#define READ_SIZE 16384

void
wire_init(struct wire *w, int fd, size_t max_in)
{
	w->fd = fd;
	w->dead = fd < 0;
	w->passed = -1;
	buf_init(&w->in, max_in);
}

void
wire_close(struct wire *w)
{
	wire_fail(w);
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
	buf_free(&w->in);
}

void
wire_fail(struct wire *w)
{
	int fd = wire_take_passed(w);

	if (fd >= 0)
		close(fd);
	w->dead = true;
}

int
wire_take_passed(struct wire *w)
{
	int fd = w->passed;

	w->passed = -1;
	return fd;
}

static bool
wait_for(struct wire *w, short what, uint64_t deadline)
{
	struct pollfd p = { .fd = w->fd, .events = what };

	for (;;) {
		uint64_t now = clock_ms();
		uint64_t left = deadline > now ? deadline - now : 0;
		int r = poll(&p, 1, left > INT_MAX ? INT_MAX : (int)left);

		if (r > 0)
			return true;
		if (r == 0 || errno != EINTR)
			return false;
	}
}

bool
wire_send(struct wire *w, struct span data, uint64_t deadline)
{
	while (!w->dead && data.n > 0) {
		ssize_t n = send(w->fd, data.p, data.n, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n > 0)
			data = span_from(data, (size_t)n);
		else if (n == 0 || (errno != EAGAIN && errno != EINTR) || !wait_for(w, POLLOUT, deadline))
			wire_fail(w);
	}
	return !w->dead;
}

/* Keep one descriptor; a second before the first was taken is nothing we asked for. */
static bool
keep_passed(struct wire *w, const int *fds, int nfds)
{
	if (nfds == 0)
		return true;
	if (nfds == 1 && w->passed < 0) {
		w->passed = fds[0];
		return true;
	}
	for (int i = 0; i < nfds; i++)
		close(fds[i]);
	return false;
}

bool
wire_more(struct wire *w, uint64_t deadline)
{
	int fds[FDPASS_MAX], nfds = 1;
	char *room;
	ssize_t n;

	if (w->dead)
		return false;
	room = buf_reserve(&w->in, READ_SIZE);
	if (room == NULL || !wait_for(w, POLLIN, deadline)) {
		wire_fail(w);
		return false;
	}
	n = fdpass_recv(w->fd, room, READ_SIZE, fds, &nfds);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n <= 0 || !keep_passed(w, fds, nfds)) {
		wire_fail(w);
		return false;
	}
	buf_commit(&w->in, (size_t)n);
	return true;
}

bool
wire_line(struct wire *w, size_t max, uint64_t deadline, struct span *line)
{
	for (;;) {
		struct span in = buf_view(&w->in);
		ssize_t end = span_find(in, '\n');

		if (end >= 0 && (size_t)end <= max) {
			*line = span_first(in, (size_t)end);
			return !w->dead;
		}
		if (end >= 0 || in.n > max) {
			wire_fail(w);
			return false;
		}
		if (!wire_more(w, deadline))
			return false;
	}
}

void
wire_used(struct wire *w, size_t n)
{
	buf_shift(&w->in, n);
}
