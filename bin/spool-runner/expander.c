/*
 * expander: ask auth-check for the final targets of addresses.
 *
 * Invariant: every question gets exactly one call unless it is forgotten.
 * Questions stand in a ring in the order in which they were written, which is
 * the order of the answers; a forgotten one keeps its place without a call.
 * Those whose answer is known wait in a second ring for the next turn of the loop.
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
#include "directory/kept.h"
#include "directory/socketmap.h"
#include "service/service.h"
#include "sys/fdpass.h"

#define OUT_MAX (64u << 20)	/* questions not yet written; each is under LIMIT_SOCKETMAP */
#define FRAME_BYTES 16		/* length, colon and comma of a netstring */
#define READ_BLOCK 16384
#define SILENCE_MS 30000
#define KEPT_SLOTS 4096

struct question {
	expander_call *call;			/* both NULL: forgotten */
	expander_disabled_call *disabled_call;
	void *ctx;
	uint32_t number;
	uint64_t version;	/* of the directory before it was asked; 0: not to be kept */
	char *text;		/* owned: the question, if its answer may be kept; in `known` the answer */
	size_t n;
};

struct ring {
	struct question *at;
	size_t size, first, count;
};

struct expander {
	struct service *svc;
	struct loop *loop;
	int fd;
	struct loop_fd *watch;
	struct loop_timer *kick;	/* gives up after a failed connect, out of the caller's way */
	struct loop_timer *silence;
	struct buf in, out;
	struct ring open;
	struct kept *kept;		/* NULL: nothing is kept */
	int version_fd;			/* -1: unknown */
	struct ring known;
	struct loop_timer *turn;	/* tells those */
};

static void on_event(void *ctx, int fd, unsigned events);

struct expander *
expander_new(struct service *svc, struct loop *loop, bool keeps)
{
	struct expander *e = mem_new(sizeof(*e));

	e->svc = svc;
	e->loop = loop;
	e->fd = -1;
	e->version_fd = -1;
	if (keeps)
		e->kept = kept_new(KEPT_SLOTS);
	buf_init(&e->in, LIMIT_SOCKETMAP_REPLY + FRAME_BYTES + READ_BLOCK);
	buf_init(&e->out, OUT_MAX);
	return e;
}

/* Take the first question out of a ring. */
static struct question
pull(struct ring *r)
{
	struct question q = r->at[r->first];

	r->first = (r->first + 1) % r->size;
	r->count--;
	return q;
}

static void
push(struct ring *r, struct question q)
{
	if (r->count == r->size) {
		size_t size = r->size == 0 ? 64 : 2 * r->size;
		struct question *wider = mem_array(size, sizeof(*wider));

		for (size_t i = 0; i < r->count; i++)
			wider[i] = r->at[(r->first + i) % r->size];
		free(r->at);
		*r = (struct ring){ .at = wider, .size = size, .count = r->count };
	}
	r->at[(r->first + r->count++) % r->size] = q;
}

static void
forget(struct ring *r, const void *ctx)
{
	for (size_t i = 0; i < r->count; i++) {
		struct question *q = &r->at[(r->first + i) % r->size];

		if (q->ctx == ctx) {
			q->call = NULL;
			q->disabled_call = NULL;
		}
	}
}

static void
tell(const struct question *q, struct span reply)
{
	struct directory_targets t;
	enum rcpt_kind kind;

	if (q->disabled_call != NULL) {
		q->disabled_call(q->ctx, q->number, directory_disabled_reply(reply));
	} else if (q->call != NULL) {
		kind = directory_expand_reply(reply, &t);
		q->call(q->ctx, q->number, kind, &t);
		directory_targets_free(&t);
	}
}

/* Trouble may be over with the next question. */
static bool
may_keep(struct span reply)
{
	struct span data;
	enum socketmap_kind kind = socketmap_answer(reply, &data);

	return kind == SOCKETMAP_OK || kind == SOCKETMAP_NOTFOUND;
}

static void
answer(struct expander *e, struct span reply)
{
	struct question q = pull(&e->open);

	if (q.text != NULL && may_keep(reply))
		kept_put(e->kept, q.version, span_make(q.text, q.n), reply);
	free(q.text);
	tell(&q, reply);
}

static void
answer_trouble(struct expander *e, const struct directory_targets *none)
{
	struct question q = pull(&e->open);

	free(q.text);
	if (q.disabled_call != NULL)
		q.disabled_call(q.ctx, q.number, -1);
	else if (q.call != NULL)
		q.call(q.ctx, q.number, RCPT_TROUBLE, none);
}

/* Those that were known when the turn began: a call may ask anew. */
static void
on_turn(void *ctx)
{
	struct expander *e = ctx;
	size_t n = e->known.count;

	e->turn = NULL;
	while (n-- > 0) {
		struct question q = pull(&e->known);

		tell(&q, span_make(q.text, q.n));
		free(q.text);
	}
}

/* 0 when it is not known, or nothing is to be kept now. */
static uint64_t
version_now(const struct expander *e)
{
	uint64_t version;

	if (e->version_fd < 0 || pread(e->version_fd, &version, sizeof(version), 0) != (ssize_t)sizeof(version))
		return 0;
	return version;
}

/* Another page counts anew. */
static void
set_version_fd(struct expander *e, int fd)
{
	if (e->version_fd >= 0)
		close(e->version_fd);
	e->version_fd = fd;
	if (e->kept != NULL)
		kept_clear(e->kept);
}

/* The connection is gone: whatever was asked over it has no answer. */
static void
give_up(struct expander *e)
{
	struct directory_targets none = { .verdict = verdict_make(451, "4.3.0", "the directory does not answer") };
	size_t open = e->open.count;

	loop_timer_drop(&e->silence);
	loop_fd_drop(&e->watch);
	if (e->fd >= 0)
		close(e->fd);
	e->fd = -1;
	set_version_fd(e, -1);
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
	log_failure(e->svc, NULL, NULL, "event=directory-silent questions=%zu", e->open.count);
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
		if (e->open.count == 0)
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
	if (e->open.count > 0)
		e->silence = loop_timer(e->loop, SILENCE_MS, on_silence, e);
}

static void
on_event(void *ctx, int fd, unsigned events)
{
	struct expander *e = ctx;
	int page = -1, pages = 1;
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
	n = fdpass_recv(fd, room, READ_BLOCK, &page, &pages);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		buf_commit(&e->in, (size_t)n);
	if (n > 0 && pages == 1)
		set_version_fd(e, page);
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
	if (e->kept == NULL)
		return;
	push(&e->open, (struct question){ .number = 0 });
	socketmap_put_question(&e->out, "version", SPAN_NONE);
}

/* The answer that was kept, into *q; else what is needed to keep it. */
static bool
is_known(struct expander *e, struct span text, struct question *q)
{
	struct buf reply;
	bool known;

	q->version = e->kept != NULL ? version_now(e) : 0;
	if (q->version == 0)
		return false;
	buf_init(&reply, KEPT_TEXT_MAX);
	known = kept_take(e->kept, q->version, text, &reply);
	if (known)
		text = buf_view(&reply);
	q->text = mem_copy(text);
	q->n = text.n;
	buf_free(&reply);
	return known;
}

static void
send_question(struct expander *e)
{
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

static void
ask(struct expander *e, const char *map, struct span key, struct question q)
{
	char storage[LIMIT_SOCKETMAP + 1];
	struct buf text;

	buf_init_fixed(&text, storage, sizeof(storage));
	buf_printf(&text, "%s %.*s", map, SPAN_ARG(key));
	if (!text.overflow && is_known(e, buf_view(&text), &q)) {
		push(&e->known, q);
		if (e->turn == NULL)
			e->turn = loop_timer(e->loop, 0, on_turn, e);
		return;
	}
	if (e->fd < 0)
		connect_anew(e);
	push(&e->open, q);
	socketmap_put_question(&e->out, map, key);
	send_question(e);
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
	forget(&e->open, ctx);
	forget(&e->known, ctx);
}
