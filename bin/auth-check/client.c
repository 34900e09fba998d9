/*
 * client: buffers and life of a connection.
 *
 * A client is freed only at the end of its own event:
 * so a handler may end it and still return through frames that use it.  Ends
 * that come from elsewhere (an answer that cannot be sent) wait for a timer.
 */
#include "base/base.h"
#include "client.h"

#include <errno.h>
#include <sys/socket.h>
#include "base/die.h"
#include "base/mem.h"
#include "sys/fdpass.h"
#include "sys/peer.h"

#define READ_SIZE 16384

struct client {
	struct service *svc;
	struct loop *loop;
	struct loop_fd *watch;
	struct loop_timer *ending;
	const struct client_kind *kind;
	void *ctx;
	int fd;
	struct ucred peer;
	struct buf in, out;
	unsigned events;	/* what is waited for */
	bool over;		/* to be freed */
	bool busy;		/* an event of it is being handled */
};

static size_t count;

size_t
client_count(void)
{
	return count;
}

uid_t
client_uid(const struct client *c)
{
	return c->peer.uid;
}

static void
free_client(struct client *c)
{
	loop_fd_drop(&c->watch);
	loop_timer_drop(&c->ending);
	close(c->fd);
	if (c->in.p != NULL)
		mem_wipe(c->in.p, c->in.n);
	buf_free(&c->in);
	buf_free(&c->out);
	c->kind->gone(c->ctx);
	free(c);
	count--;
}

static void
end_now(void *ctx)
{
	struct client *c = ctx;

	c->ending = NULL;
	free_client(c);
}

void
client_end(struct client *c)
{
	if (c->over)
		return;
	c->over = true;
	if (!c->busy)
		c->ending = loop_timer(c->loop, 0, end_now, c);
}

void
client_security(struct client *c, const char *what)
{
	log_failure(c->svc, NULL, NULL, "event=SECURITY socket=%s uid=%u pid=%d what=\"%s\"",
		c->kind->name, (unsigned)c->peer.uid, (int)c->peer.pid, what);
	client_end(c);
}

/* Write what the socket takes; false when the client is gone. */
static bool
write_out(struct client *c)
{
	while (c->out.n > 0) {
		ssize_t n = send(c->fd, c->out.p, c->out.n, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return true;
		if (n <= 0)
			return false;
		buf_shift(&c->out, (size_t)n);
	}
	return true;
}

static void
choose_events(struct client *c)
{
	unsigned events = c->out.n > c->kind->out_max / 2 ? 0 : LOOP_READ;

	if (c->out.n > 0)
		events |= LOOP_WRITE;
	if (events != c->events)
		loop_fd_events(c->watch, events);
	c->events = events;
}

void
client_send(struct client *c, struct span data)
{
	if (c->over)
		return;
	if (!buf_span(&c->out, data)) {
		client_end(c);
		return;
	}
	if (c->busy)
		return;		/* one write for all answers of one read */
	if (!write_out(c))
		client_end(c);
	else
		choose_events(c);
}

bool
client_send_fd(struct client *c, struct span data, int fd)
{
	if (c->over)
		return false;
	if (write_out(c) && c->out.n == 0
	    && fdpass_send(c->fd, data.p, data.n, &fd, 1) == (ssize_t)data.n)
		return true;
	client_end(c);
	return false;
}

static void
use_input(struct client *c)
{
	while (!c->over && c->in.n > 0 && c->out.n <= c->kind->out_max / 2) {
		size_t n = c->kind->input(c, c->ctx, buf_view(&c->in));

		if (n == CLIENT_HOSTILE)
			client_security(c, "not the protocol");
		else if (n == 0)
			break;
		else if (!c->over)
			buf_shift(&c->in, n);
	}
	if (!c->over && c->in.n == c->kind->in_max && c->out.n <= c->kind->out_max / 2)
		client_security(c, "too long");
}

static void
read_in(struct client *c)
{
	size_t room = c->kind->in_max - c->in.n;
	int none = 0;
	char *p;
	ssize_t n;

	if (room > READ_SIZE)
		room = READ_SIZE;
	p = buf_reserve(&c->in, room);
	if (p == NULL)
		bug("client buffer of %zu bytes", c->kind->in_max);
	n = fdpass_recv(c->fd, p, room, NULL, &none);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0 && errno == EPROTO)
		client_security(c, "sent descriptors");
	else if (n <= 0)
		client_end(c);
	else
		buf_commit(&c->in, (size_t)n);
}

static void
on_event(void *ctx, int fd PB_UNUSED, unsigned events)
{
	struct client *c = ctx;

	c->busy = true;
	if ((events & LOOP_WRITE) != 0 && !write_out(c))
		client_end(c);
	if (!c->over && (events & (LOOP_READ | LOOP_HANGUP)) != 0)
		read_in(c);
	use_input(c);
	if (!c->over && !write_out(c))
		client_end(c);
	c->busy = false;
	if (c->over) {
		free_client(c);
		return;
	}
	choose_events(c);
}

struct client *
client_new(struct service *svc, struct loop *loop, int fd, const struct client_kind *kind, void *ctx)
{
	struct ucred peer;
	struct client *c;

	if (peer_cred(fd, &peer) != 0) {
		close(fd);
		return NULL;
	}
	c = mem_new(sizeof(*c));
	c->peer = peer;
	c->svc = svc;
	c->loop = loop;
	c->kind = kind;
	c->ctx = ctx;
	c->fd = fd;
	buf_init(&c->in, kind->in_max);
	buf_init(&c->out, kind->out_max);
	count++;
	c->events = LOOP_READ;
	c->watch = loop_fd(loop, fd, c->events, on_event, c);
	if (c->watch == NULL)
		die(EXIT_TRY_LATER, "cannot watch a connection: %m");
	return c;
}
