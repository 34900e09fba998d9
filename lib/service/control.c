/*
 * control: one request, one reply, over SOCK_SEQPACKET.
 *
 * Trust: a client is any process that could open the socket; its uid decides
 * whether it is heard at all.  It sends one record at a time; while a reply is
 * owed nothing more is read from it.  A client that does not take its reply is
 * dropped: replies are sent without waiting.
 */
#include "base/base.h"
#include "service/control.h"
#include "base/die.h"
#include "base/limits.h"
#include "base/mem.h"
#include "io/door.h"
#include "sys/clock.h"
#include "sys/peer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#define UIDS_MAX 8
#define FIELDS_MAX 256

struct control_call {
	struct control *server;		/* NULL: the server stopped meanwhile */
	struct control_call *next;
	struct loop_fd *watch;
	int fd;
	bool owes_reply;
	bool is_gone;			/* to be freed when the reply comes */
};

struct control {
	struct loop *loop;
	struct door *door;
	uid_t uids[UIDS_MAX];
	size_t uid_count;
	control_handler *handler;
	void *ctx;
	struct control_call *clients;
	size_t client_count;
};

static void
unlink_client(struct control_call *c)
{
	struct control *server = c->server;

	if (server == NULL)
		return;
	for (struct control_call **at = &server->clients; *at != NULL; at = &(*at)->next) {
		if (*at != c)
			continue;
		*at = c->next;
		server->client_count--;
		break;
	}
	c->server = NULL;
}

static void
drop_client(struct control_call *c)
{
	loop_fd_drop(&c->watch);
	unlink_client(c);
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	if (c->owes_reply)
		c->is_gone = true;
	else
		free(c);
}

void
control_error(struct buf *reply, int exit_code, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	record_begin(reply, "error");
	record_add_num(reply, "exit", (uint64_t)exit_code);
	record_add_text(reply, "text", text);
}

void
control_reply(struct control_call *c, const struct buf *reply)
{
	bool sent;

	if (!c->owes_reply)
		bug("control_reply without a call");
	c->owes_reply = false;
	if (c->is_gone) {
		free(c);
		return;
	}
	sent = !reply->overflow
		&& send(c->fd, reply->p, reply->n, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)reply->n;
	if (!sent || c->server == NULL)
		drop_client(c);
	else
		loop_fd_events(c->watch, LOOP_READ);
}

static void
answer(struct control_call *c, struct span text)
{
	struct record request;
	struct buf reply;
	bool now;

	buf_init(&reply, LIMIT_RECORD);
	c->owes_reply = true;
	if (!record_parse(text, FIELDS_MAX, &request)) {
		control_error(&reply, EXIT_USAGE, "not a record");
		control_reply(c, &reply);
		buf_free(&reply);
		return;
	}
	loop_fd_events(c->watch, 0);
	now = c->server->handler(c->server->ctx, c, &request, &reply);
	record_free(&request);
	if (now)
		control_reply(c, &reply);
	buf_free(&reply);
}

static void
on_client(void *ctx, int fd, unsigned events)
{
	struct control_call *c = ctx;
	char *text = mem_new(LIMIT_RECORD + 1);
	ssize_t n;

	n = recv(fd, text, LIMIT_RECORD + 1, MSG_DONTWAIT);
	if (n < 0 && errno == EAGAIN && !(events & LOOP_HANGUP))
		;
	else if (n <= 0 || n > LIMIT_RECORD || (events == LOOP_HANGUP && c->owes_reply))
		drop_client(c);
	else if (!c->owes_reply)
		answer(c, span_make(text, (size_t)n));
	free(text);
}

static bool
is_allowed(const struct control *s, int fd)
{
	struct ucred who;

	if (peer_cred(fd, &who) != 0)
		return false;
	if (who.uid == 0 || who.uid == geteuid())
		return true;
	for (size_t i = 0; i < s->uid_count; i++)
		if (s->uids[i] == who.uid)
			return true;
	return false;
}

static void
refuse(int fd)
{
	struct buf reply;

	buf_init(&reply, LIMIT_RECORD);
	control_error(&reply, EXIT_NO_RIGHT, "not allowed");
	(void)!send(fd, reply.p, reply.n, MSG_DONTWAIT | MSG_NOSIGNAL);
	buf_free(&reply);
	close(fd);
}

static void
on_connection(void *ctx, int fd)
{
	struct control *s = ctx;
	struct control_call *c;

	if (!is_allowed(s, fd)) {
		refuse(fd);
		return;
	}
	if (s->client_count >= LIMIT_CONTROL_CLIENTS) {
		close(fd);
		return;
	}
	c = mem_new(sizeof(*c));
	*c = (struct control_call){ .server = s, .next = s->clients, .fd = fd };
	c->watch = loop_fd(s->loop, fd, LOOP_READ, on_client, c);
	if (c->watch == NULL) {
		close(fd);
		free(c);
		return;
	}
	s->clients = c;
	s->client_count++;
}

struct control *
control_serve(struct loop *loop, int fd, const uid_t *uids, size_t uid_count,
	control_handler *handler, void *ctx)
{
	struct control *s = mem_new(sizeof(*s));

	if (uid_count > UIDS_MAX)
		bug("control_serve: %zu uids", uid_count);
	*s = (struct control){ .loop = loop, .uid_count = uid_count, .handler = handler, .ctx = ctx };
	if (uid_count > 0)
		memcpy(s->uids, uids, uid_count * sizeof(*uids));
	/* Nobody is told of a shortage: who asks waits, and the program's other sockets tell. */
	s->door = door_open(loop, fd, SOCK_NONBLOCK, on_connection, NULL, s);
	if (s->door == NULL)
		die(EXIT_TRY_LATER, "cannot watch the control socket: %m");
	return s;
}

void
control_stop(struct control **sp)
{
	struct control *s = *sp;

	if (s == NULL)
		return;
	door_close(&s->door);
	while (s->clients != NULL)
		drop_client(s->clients);
	free(s);
	*sp = NULL;
}

/*
 * A path of any length: the folder is opened and named through /proc, since
 * sun_path holds 107 bytes only.
 */
static int
connect_path(const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	const char *slash = strrchr(path, '/');
	char *folder = slash != NULL ? mem_copy(span_make(path, (size_t)(slash - path) + 1)) : mem_text(".");
	int dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int n, fd, saved;

	free(folder);
	if (dir < 0)
		return -1;
	n = snprintf(to.sun_path, sizeof(to.sun_path), "/proc/self/fd/%d/%s", dir,
		slash != NULL ? slash + 1 : path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (n < 0 || (size_t)n >= sizeof(to.sun_path))
		errno = ENAMETOOLONG;
	else if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0) {
		close(dir);
		return fd;
	}
	saved = errno;
	if (fd >= 0)
		close(fd);
	close(dir);
	errno = saved;
	return -1;
}

static ssize_t
receive_until(int fd, char *text, uint64_t deadline)
{
	for (;;) {
		uint64_t now = clock_ms();
		struct pollfd p = { .fd = fd, .events = POLLIN };
		ssize_t n = recv(fd, text, LIMIT_RECORD + 1, MSG_DONTWAIT);

		if (n >= 0 || (errno != EAGAIN && errno != EINTR))
			return n;
		if (now >= deadline) {
			errno = ETIMEDOUT;
			return -1;
		}
		(void)poll(&p, 1, (int)(deadline - now));
	}
}

int
control_call(const char *path, const struct buf *request, int timeout_ms, struct record *reply)
{
	int fd = connect_path(path);
	char *text;
	ssize_t n;
	int saved;

	if (fd < 0)
		return -1;
	text = mem_new(LIMIT_RECORD + 1);
	n = send(fd, request->p, request->n, MSG_NOSIGNAL);
	if (n >= 0)
		n = receive_until(fd, text, clock_ms() + (uint64_t)timeout_ms);
	saved = errno;
	close(fd);
	if (n >= 0 && !record_parse(span_make(text, (size_t)n), LIMIT_RECORD / 2, reply)) {
		saved = EPROTO;
		n = -1;
	}
	free(text);
	errno = saved;
	return n < 0 ? -1 : 0;
}
