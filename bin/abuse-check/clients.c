/*
 * clients: the connections of listeners' workers.
 *
 * Records as in lib/check/abuse_client.c, read by request.c.
 *
 * Trust: a worker may have been taken over.  It can count what did not happen,
 * and no more: a malformed or unknown record ends the connection, and no reply
 * is waited for.
 */
#include "base/base.h"
#include "abuse.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/die.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/record.h"
#include "io/door.h"
#include "request.h"
#include "sys/fdpass.h"
#include "sys/peer.h"

struct client {
	struct abuse *a;
	int fd;
	struct loop_fd *watch;
	uid_t uid;
	bool open;		/* a session is counted */
	struct addr ip;
	int service;
	bool entered;		/* ... and so is its user */
	struct user_session user;
};

static void
leave_user(struct client *c)
{
	if (c->entered)
		users_leave(c->a, &c->user);
	c->entered = false;
}

static void
end_session(struct client *c)
{
	if (c->open)
		abuse_disconnect(c->a, &c->ip, c->service);
	c->open = false;
	leave_user(c);
}

static void
drop(struct client *c)
{
	end_session(c);
	loop_fd_drop(&c->watch);
	close(c->fd);
	c->a->clients--;
	free(c);
}

static bool
reply_to(struct client *c, const struct buf *text)
{
	return !text->overflow && fdpass_send(c->fd, text->p, text->n, NULL, 0) == (ssize_t)text->n;
}

/* False with the reason when it may not be served. */
static bool
begin_session(struct client *c, const struct request *q, char why[128])
{
	end_session(c);
	c->ip = q->ip;
	c->service = q->service;
	/* A Unix socket has no address to count. */
	c->open = q->has_ip && abuse_connect(c->a, &c->ip, c->service, why, 128);
	return c->open || !q->has_ip;
}

static void
on_connect(struct client *c, const struct request *q, struct buf *reply)
{
	char why[128];
	bool good = begin_session(c, q, why);

	record_begin(reply, good ? "ok" : "refuse");
	if (!good)
		record_add_text(reply, "text", why);
}

/* The same question for `mailctl try`: nothing is counted. */
static void
on_would(struct client *c, const struct request *q, struct buf *reply)
{
	char why[128];
	bool good = !q->has_ip || abuse_would_serve(c->a, &q->ip, q->service, why, sizeof(why));

	record_begin(reply, good ? "ok" : "refuse");
	if (!good)
		record_add_text(reply, "text", why);
}

/* One more session of this user, unless there are too many. */
static void
on_enter(struct client *c, const struct request *q, struct buf *reply)
{
	leave_user(c);
	c->entered = users_enter(c->a, q->has_ip ? &q->ip : NULL, q->service, q->name, &c->user);
	record_begin(reply, c->entered ? "ok" : "refuse");
	if (!c->entered)
		record_add_text(reply, "text", "Too many connections of this user");
}

static void
on_close(struct client *c, const struct request *q)
{
	if (q->has_message)
		messages_count(c->a, q->has_ip ? &q->ip : NULL, q->name, q->size);
	if (q->is_bad && c->open)
		abuse_bad_session(c->a, &c->ip, c->service);
	end_session(c);
}

/* Who has the queue counts what leaves it. */
static bool
is_queue(const struct client *c)
{
	return c->uid == service_uid(&c->a->svc, "pbmail") || c->uid == getuid();
}

/* False ends the connection. */
static bool
answer(struct client *c, const struct request *q, struct buf *reply)
{
	const struct addr *ip = q->has_ip ? &q->ip : NULL;

	switch (q->kind) {
	case REQUEST_CONNECT:
		on_connect(c, q, reply);
		return true;
	case REQUEST_BEGAN:
		(void)begin_session(c, q, (char[128]){ "" });	/* it is served already */
		return true;
	case REQUEST_WOULD:
		on_would(c, q, reply);
		return true;
	case REQUEST_CLOSE:
		on_close(c, q);
		return true;
	case REQUEST_LOGIN_FAILED:
		record_begin(reply, "ok");
		record_add_num(reply, "delay", logins_failed(c->a, ip, q->service, q->name));
		return true;
	case REQUEST_LOGIN_GOOD:
		if (ip != NULL)
			logins_good(c->a, ip, q->name);
		return true;
	case REQUEST_ENTER:
		on_enter(c, q, reply);
		return true;
	case REQUEST_LEAVE:
		leave_user(c);
		return true;
	case REQUEST_MESSAGE:
		messages_count(c->a, ip, q->name, q->size);
		return true;
	case REQUEST_SPEND:
	case REQUEST_BOUNCED:
		if (!is_queue(c))
			break;
		if (q->kind == REQUEST_SPEND)
			hours_spend(c->a, q, reply);
		else
			hours_bounced(c->a, q->name);
		return true;
	case REQUEST_UNKNOWN:
		break;
	}
	log_failure(&c->a->svc, "", "", "event=SECURITY what=\"a request without right\" uid=%u", (unsigned)c->uid);
	return false;
}

static void
on_readable(void *ctx, int fd, unsigned events)
{
	struct client *c = ctx;
	char text[LIMIT_ABUSE_RECORD];
	struct request request;
	struct record r;
	struct buf reply;
	int none = 0;
	ssize_t n = fdpass_recv(fd, text, sizeof(text), NULL, &none);
	bool good;

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 || !record_parse(span_make(text, (size_t)n), REQUEST_FIELDS, &r)) {
		drop(c);
		return;
	}
	buf_init(&reply, LIMIT_RECORD);
	good = request_read(&r, &request) && answer(c, &request, &reply) && (reply.n == 0 || reply_to(c, &reply));
	record_free(&r);
	buf_free(&reply);
	if (!good)
		drop(c);
}

/* The first record: the map of blocks. */
static bool
greet(struct client *c)
{
	struct buf hello;
	bool good;

	buf_init(&hello, 64);
	record_begin(&hello, "blocks");
	good = fdpass_send(c->fd, hello.p, hello.n, &c->a->map_fd, 1) == (ssize_t)hello.n;
	buf_free(&hello);
	return good;
}

static void
on_caller(void *ctx, int fd)
{
	struct abuse *a = ctx;
	static const char *const users[] = { "pbsmtp", "pbmail", "pbauth" };
	struct ucred who = { .uid = (uid_t)-1 };
	uid_t uids[PB_COUNT(users) + 1] = { getuid() };
	struct client *c;

	for (size_t i = 0; i < PB_COUNT(users); i++)
		uids[i + 1] = service_uid(&a->svc, users[i]);
	if (!peer_is_allowed(fd, uids, PB_COUNT(uids)) || peer_cred(fd, &who) != 0) {
		log_failure(&a->svc, "", "", "event=SECURITY what=\"a caller without right\" uid=%u", (unsigned)who.uid);
		close(fd);
		return;
	}
	if (a->clients >= LIMIT_ABUSE_CLIENTS) {
		log_failure(&a->svc, "", "", "event=too-many-clients limit=%d", LIMIT_ABUSE_CLIENTS);
		close(fd);
		return;
	}
	c = mem_new(sizeof(*c));
	*c = (struct client){ .a = a, .fd = fd, .uid = who.uid };
	a->clients++;
	c->watch = greet(c) ? loop_fd(a->loop, fd, LOOP_READ, on_readable, c) : NULL;
	if (c->watch == NULL)
		drop(c);
}

static void
on_accept_failed(void *ctx, int error)
{
	struct abuse *a = ctx;

	log_failure(&a->svc, "", "", "event=accept-failed error=%s", strerrorname_np(error));
}

void
clients_serve(struct abuse *a)
{
	int fd = service_fd(&a->svc, "listen.unix.abuse");

	if (fd < 0)
		die(EXIT_USAGE, "mail-master did not hand over listen.unix.abuse");
	if (door_open(a->loop, fd, SOCK_NONBLOCK, on_caller, on_accept_failed, a) == NULL)
		die(EXIT_TRY_LATER, "cannot watch the socket: %s", strerror(errno));
}
