/*
 * expander: ask auth-check for the final targets of addresses.
 *
 * Invariant: every question gets exactly one call unless it is forgotten.
 * Questions stand in a ring in the order in which they were written, which is
 * the order of the answers; a forgotten one keeps its place without a call.
 *
 * Trust: answers are capped (LIMIT_SOCKETMAP_REPLY) and parsed by
 * lib/directory; one that is no netstring ends the connection.
 */
#include "base/base.h"
#include "expander.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/mem.h"
#include "directory/socketmap.h"
#include "service/service.h"

#define OUT_MAX (64u << 20)	/* questions not yet written; each is under LIMIT_SOCKETMAP */
#define FRAME_BYTES 16		/* length, colon and comma of a netstring */
#define READ_BLOCK 16384
#define SILENCE_MS 30000

struct question {
	expander_call *call;			/* both NULL: forgotten */
	expander_disabled_call *disabled_call;
	void *ctx;
	uint32_t number;
};

struct expander {
	struct service *svc;
	struct loop *loop;
	int fd;
	struct loop_fd *watch;
	struct loop_timer *kick;	/* gives up after a failed connect, out of the caller's way */
	struct loop_timer *silence;
	struct buf in, out;
	struct question *ring;
	size_t size, first, count;
};

static void on_event(void *ctx, int fd, unsigned events);

struct expander *
expander_new(struct service *svc, struct loop *loop)
{
	struct expander *e = mem_new(sizeof(*e));

	e->svc = svc;
	e->loop = loop;
	e->fd = -1;
	e->size = 64;
	e->ring = mem_array(e->size, sizeof(*e->ring));
	buf_init(&e->in, LIMIT_SOCKETMAP_REPLY + FRAME_BYTES + READ_BLOCK);
	buf_init(&e->out, OUT_MAX);
	return e;
}

/* Take the first question out of the ring. */
static struct question
pull(struct expander *e)
{
	struct question q = e->ring[e->first];

	e->first = (e->first + 1) % e->size;
	e->count--;
	return q;
}

static void
answer(struct expander *e, struct span reply)
{
	struct question q = pull(e);
	struct directory_targets t;
	enum rcpt_kind kind;

	if (q.disabled_call != NULL) {
		q.disabled_call(q.ctx, q.number, directory_disabled_reply(reply));
	} else if (q.call != NULL) {
		kind = directory_expand_reply(reply, &t);
		q.call(q.ctx, q.number, kind, &t);
		directory_targets_free(&t);
	}
}

static void
answer_trouble(struct expander *e, const struct directory_targets *none)
{
	struct question q = pull(e);

	if (q.disabled_call != NULL)
		q.disabled_call(q.ctx, q.number, -1);
	else if (q.call != NULL)
		q.call(q.ctx, q.number, RCPT_TROUBLE, none);
}

/* The connection is gone: whatever was asked over it has no answer. */
static void
give_up(struct expander *e)
{
	struct directory_targets none = { .verdict = verdict_make(451, "4.3.0", "the directory does not answer") };
	size_t open = e->count;

	loop_timer_drop(&e->silence);
	loop_fd_drop(&e->watch);
	if (e->fd >= 0)
		close(e->fd);
	e->fd = -1;
	buf_clear(&e->in);
	buf_clear(&e->out);
	while (open-- > 0)
		answer_trouble(e, &none);
}

static void
on_silence(void *ctx)
{
	struct expander *e = ctx;

	e->silence = NULL;
	log_failure(e->svc, NULL, NULL, "event=directory-silent questions=%zu", e->count);
	give_up(e);
}

static void
on_kick(void *ctx)
{
	struct expander *e = ctx;

	e->kick = NULL;
	give_up(e);
}

static void
write_out(struct expander *e)
{
	ssize_t n = send(e->fd, e->out.p, e->out.n, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n > 0)
		buf_shift(&e->out, (size_t)n);
	loop_fd_events(e->watch, e->out.n > 0 ? LOOP_READ | LOOP_WRITE : LOOP_READ);
}

static bool
take_answers(struct expander *e)
{
	struct span text;
	size_t used;
	int result;

	while ((result = socketmap_take(buf_view(&e->in), LIMIT_SOCKETMAP_REPLY, &text, &used)) > 0) {
		if (e->count == 0)
			return false;
		answer(e, text);
		buf_shift(&e->in, used);
	}
	return result == 0;
}

static void
watch_silence(struct expander *e)
{
	loop_timer_drop(&e->silence);
	if (e->count > 0)
		e->silence = loop_timer(e->loop, SILENCE_MS, on_silence, e);
}

static void
on_event(void *ctx, int fd, unsigned events)
{
	struct expander *e = ctx;
	char *room;
	ssize_t n;

	if (events & LOOP_WRITE && e->out.n > 0)
		write_out(e);
	if (!(events & (LOOP_READ | LOOP_HANGUP)))
		return;
	room = buf_reserve(&e->in, READ_BLOCK);
	if (room == NULL) {
		give_up(e);
		return;
	}
	n = recv(fd, room, READ_BLOCK, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		buf_commit(&e->in, (size_t)n);
	if (n <= 0 || !take_answers(e))
		give_up(e);
	else
		watch_silence(e);
}

static void
connect_anew(struct expander *e)
{
	/* A directory that takes nobody is like one that does not answer: this loop waits for neither. */
	e->fd = owner_connect(e->svc, "lookup", SOCK_STREAM | SOCK_NONBLOCK);
	if (e->fd < 0)
		return;
	e->watch = loop_fd(e->loop, e->fd, LOOP_READ, on_event, e);
}

static void
push(struct expander *e, struct question q)
{
	if (e->count == e->size) {
		struct question *wider = mem_array(2 * e->size, sizeof(*wider));

		for (size_t i = 0; i < e->count; i++)
			wider[i] = e->ring[(e->first + i) % e->size];
		free(e->ring);
		e->ring = wider;
		e->size *= 2;
		e->first = 0;
	}
	e->ring[(e->first + e->count++) % e->size] = q;
}

static void
ask(struct expander *e, const char *map, struct span key, struct question q)
{
	push(e, q);
	if (e->fd < 0)
		connect_anew(e);
	socketmap_put_question(&e->out, map, key);
	if (e->fd < 0 || e->watch == NULL || e->out.overflow) {
		if (e->kick == NULL)
			e->kick = loop_timer(e->loop, 0, on_kick, e);
		return;
	}
	loop_timer_drop(&e->kick);	/* a connect that failed; this connection takes its question too */
	if (e->silence == NULL)
		watch_silence(e);
	write_out(e);
}

void
expander_ask(struct expander *e, struct span address, uint32_t number, expander_call *call, void *ctx)
{
	ask(e, "expand", address, (struct question){ .call = call, .ctx = ctx, .number = number });
}

void
expander_ask_disabled(struct expander *e, struct span who, uint32_t number, expander_disabled_call *call,
	void *ctx)
{
	ask(e, "disabled", who, (struct question){ .disabled_call = call, .ctx = ctx, .number = number });
}

void
expander_forget(struct expander *e, void *ctx)
{
	for (size_t i = 0; i < e->count; i++) {
		struct question *q = &e->ring[(e->first + i) % e->size];

		if (q->ctx == ctx) {
			q->call = NULL;
			q->disabled_call = NULL;
		}
	}
}
