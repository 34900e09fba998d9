/*
 * clients: the connections on run/pub/scan.
 *
 * Records as in lib/check/scan_client.c.  A client may have LIMIT_SCAN_PENDING
 * questions under way, all together LIMIT_SCAN_TASKS; what is beyond is
 * answered at once with the result "unknown".
 *
 * Trust: a caller may have been taken over.  An ill-formed record, or one that
 * does not read its answers, ends the connection; nobody else is affected.
 */
#include "base/base.h"
#include "scan.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/die.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/record.h"
#include "io/door.h"
#include "sys/fdpass.h"
#include "sys/peer.h"
#include "task.h"

/* n, name and the ranges of a question about MX. */
#define FIELDS_MAX (LIMIT_SCAN_RANGES + 2)
/* Records read of one client before others have their turn. */
#define RECORDS_A_TURN 8

struct client;

/* A question under way. */
struct pending {
	struct client *client;
	struct task *task;		/* NULL: this place is free, unless it is just beginning */
	uint64_t n;
	char verb[12];
};

struct client {
	struct scan *scan;
	int fd;
	struct loop_fd *watch;
	uid_t uid;
	bool broken;			/* an answer could not be sent */
	struct pending pending[LIMIT_SCAN_PENDING];
};

static void
drop(struct client *c)
{
	for (size_t i = 0; i < LIMIT_SCAN_PENDING; i++)
		task_cancel(&c->pending[i].task);
	loop_fd_drop(&c->watch);
	close(c->fd);
	c->scan->clients--;
	free(c);
}

/* Sets broken when the client does not read. */
static void
reply(struct client *c, const char *verb, uint64_t n, struct span fields)
{
	struct buf out;

	buf_init(&out, LIMIT_SCAN_RECORD);
	record_begin(&out, verb);
	record_add_num(&out, "n", n);
	buf_span(&out, fields);
	if (out.overflow || fdpass_send(c->fd, out.p, out.n, NULL, 0) != (ssize_t)out.n)
		c->broken = true;
	buf_free(&out);
}

static void
on_done(void *ctx, struct span fields)
{
	struct pending *p = ctx;
	bool later = p->task != NULL;

	p->task = NULL;
	reply(p->client, p->verb, p->n, fields);
	if (later && p->client->broken)
		drop(p->client);
}

static struct pending *
free_place(struct client *c)
{
	for (size_t i = 0; i < LIMIT_SCAN_PENDING && c->scan->tasks < LIMIT_SCAN_TASKS; i++)
		if (c->pending[i].task == NULL)
			return &c->pending[i];
	return NULL;
}

/* False ends the connection. */
static bool
take(struct client *c, const struct record *r)
{
	struct pending *p = free_place(c);
	char verb[sizeof(p->verb)];
	uint64_t n;

	if (!record_get_num(r, "n", UINT64_MAX, &n) || r->verb.n >= sizeof(verb))
		return false;
	memcpy(verb, r->verb.p, r->verb.n);
	verb[r->verb.n] = '\0';
	if (p == NULL) {
		reply(c, verb, n, SPAN("result=unknown\n"));
		return !c->broken;
	}
	*p = (struct pending){ .client = c, .n = n };
	memcpy(p->verb, verb, sizeof(verb));
	if (task_begin(c->scan, r, on_done, p, &p->task) == TASK_REFUSED) {
		log_failure(&c->scan->svc, "", "", "event=SECURITY what=\"a request without right\" uid=%u",
			(unsigned)c->uid);
		return false;
	}
	return !c->broken;
}

static void
on_readable(void *ctx, int fd, unsigned events)
{
	struct client *c = ctx;
	char text[LIMIT_SCAN_RECORD];

	(void)events;
	for (int i = 0; i < RECORDS_A_TURN; i++) {
		struct record r;
		int none = 0;
		ssize_t n = fdpass_recv(fd, text, sizeof(text), NULL, &none);
		bool good;

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0 || !record_parse(span_make(text, (size_t)n), FIELDS_MAX, &r)) {
			drop(c);
			return;
		}
		good = take(c, &r);
		record_free(&r);
		if (!good) {
			drop(c);
			return;
		}
	}
}

static void
on_caller(void *ctx, int fd)
{
	struct scan *s = ctx;
	static const char *const users[] = { "pbsmtp", "pbcheck", "pbmail" };
	struct ucred who = { .uid = (uid_t)-1 };
	uid_t uids[PB_COUNT(users) + 1] = { getuid() };
	struct client *c;

	for (size_t i = 0; i < PB_COUNT(users); i++)
		uids[i + 1] = service_uid(&s->svc, users[i]);
	if (!peer_is_allowed(fd, uids, PB_COUNT(uids)) || peer_cred(fd, &who) != 0) {
		log_failure(&s->svc, "", "", "event=SECURITY what=\"a caller without right\" uid=%u", (unsigned)who.uid);
		close(fd);
		return;
	}
	if (s->clients >= LIMIT_SCAN_CLIENTS) {
		log_failure(&s->svc, "", "", "event=too-many-clients limit=%d", LIMIT_SCAN_CLIENTS);
		close(fd);
		return;
	}
	c = mem_new(sizeof(*c));
	*c = (struct client){ .scan = s, .fd = fd, .uid = who.uid };
	s->clients++;
	c->watch = loop_fd(s->loop, fd, LOOP_READ, on_readable, c);
	if (c->watch == NULL)
		drop(c);
}

static void
on_accept_failed(void *ctx, int error)
{
	struct scan *s = ctx;

	log_failure(&s->svc, "", "", "event=accept-failed error=%s", strerrorname_np(error));
}

void
clients_serve(struct scan *s)
{
	int fd = service_fd(&s->svc, "listen.unix.scan");

	if (fd < 0)
		die(EXIT_USAGE, "no listening socket: this program is started by mail-master");
	if (door_open(s->loop, fd, SOCK_NONBLOCK, on_caller, on_accept_failed, s) == NULL)
		die(EXIT_TRY_LATER, "cannot watch the socket: %s", strerror(errno));
}
