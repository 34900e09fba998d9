/*
 * asker: see asker.h.
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
#include "directory/asker.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/mem.h"
#include "directory/kept.h"
#include "directory/socketmap.h"
#include "sys/fdpass.h"

#define OUT_MAX (64u << 20)	/* questions not yet written; each is under LIMIT_SOCKETMAP */
#define FRAME_BYTES 16		/* length, colon and comma of a netstring */
#define READ_BLOCK 16384
#define SILENCE_MS 30000
#define KEPT_SLOTS 4096

struct question {
	struct asker_question asked;	/* tell == NULL: forgotten */
	uint64_t version;	/* of the directory before it was asked; 0: not to be kept */
	char *text;		/* owned: the question, if its answer may be kept; in `known` the answer */
	size_t n;
};

struct ring {
	struct question *at;
	size_t size, first, count;
};

struct asker {
	struct loop *loop;
	const struct asker_owner *owner;
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

struct asker *
asker_new(struct loop *loop, const struct asker_owner *owner, bool keeps)
{
	struct asker *a = mem_new(sizeof(*a));

	a->loop = loop;
	a->owner = owner;
	a->fd = -1;
	a->version_fd = -1;
	if (keeps)
		a->kept = kept_new(KEPT_SLOTS);
	buf_init(&a->in, LIMIT_SOCKETMAP_REPLY + FRAME_BYTES + READ_BLOCK);
	buf_init(&a->out, OUT_MAX);
	return a;
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

		if (q->asked.ctx == ctx)
			q->asked.tell = NULL;
	}
}

static void
tell(const struct question *q, struct span reply)
{
	if (q->asked.tell != NULL)
		q->asked.tell(&q->asked, reply);
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
answer(struct asker *a, struct span reply)
{
	struct question q = pull(&a->open);

	if (q.text != NULL && may_keep(reply))
		kept_put(a->kept, q.version, span_make(q.text, q.n), reply);
	free(q.text);
	tell(&q, reply);
}

static void
answer_trouble(struct asker *a)
{
	struct question q = pull(&a->open);

	free(q.text);
	tell(&q, SPAN_NONE);
}

/* Those that were known when the turn began: a call may ask anew. */
static void
on_turn(void *ctx)
{
	struct asker *a = ctx;
	size_t n = a->known.count;

	a->turn = NULL;
	while (n-- > 0) {
		struct question q = pull(&a->known);

		tell(&q, span_make(q.text, q.n));
		free(q.text);
	}
}

/* 0 when it is not known, or nothing is to be kept now. */
static uint64_t
version_now(const struct asker *a)
{
	uint64_t version;

	if (a->version_fd < 0 || pread(a->version_fd, &version, sizeof(version), 0) != (ssize_t)sizeof(version))
		return 0;
	return version;
}

/* Another page counts anew. */
static void
set_version_fd(struct asker *a, int fd)
{
	if (a->version_fd >= 0)
		close(a->version_fd);
	a->version_fd = fd;
	if (a->kept != NULL)
		kept_clear(a->kept);
}

/* The connection is gone: whatever was asked over it has no answer. */
static void
give_up(struct asker *a)
{
	size_t open = a->open.count;

	loop_timer_drop(&a->silence);
	loop_fd_drop(&a->watch);
	if (a->fd >= 0)
		close(a->fd);
	a->fd = -1;
	set_version_fd(a, -1);
	buf_clear(&a->in);
	buf_clear(&a->out);
	while (open-- > 0)
		answer_trouble(a);
}

static void
on_silence(void *ctx)
{
	struct asker *a = ctx;

	a->silence = NULL;
	a->owner->silent(a->owner->ctx, a->open.count);
	give_up(a);
}

static void
on_kick(void *ctx)
{
	struct asker *a = ctx;

	a->kick = NULL;
	give_up(a);
}

static void
write_out(struct asker *a)
{
	ssize_t n = send(a->fd, a->out.p, a->out.n, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n > 0)
		buf_shift(&a->out, (size_t)n);
	loop_fd_events(a->watch, a->out.n > 0 ? LOOP_READ | LOOP_WRITE : LOOP_READ);
}

static bool
take_answers(struct asker *a)
{
	struct span text;
	size_t used;
	int result;

	while ((result = socketmap_take(buf_view(&a->in), LIMIT_SOCKETMAP_REPLY, &text, &used)) > 0) {
		if (a->open.count == 0)
			return false;
		answer(a, text);
		buf_shift(&a->in, used);
	}
	return result == 0;
}

static void
watch_silence(struct asker *a)
{
	loop_timer_drop(&a->silence);
	if (a->open.count > 0)
		a->silence = loop_timer(a->loop, SILENCE_MS, on_silence, a);
}

static void
on_event(void *ctx, int fd, unsigned events)
{
	struct asker *a = ctx;
	int page = -1, pages = 1;
	char *room;
	ssize_t n;

	if (events & LOOP_WRITE && a->out.n > 0)
		write_out(a);
	if (!(events & (LOOP_READ | LOOP_HANGUP)))
		return;
	room = buf_reserve(&a->in, READ_BLOCK);
	if (room == NULL) {
		give_up(a);
		return;
	}
	n = fdpass_recv(fd, room, READ_BLOCK, &page, &pages);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		buf_commit(&a->in, (size_t)n);
	if (n > 0 && pages == 1)
		set_version_fd(a, page);
	if (n <= 0 || !take_answers(a))
		give_up(a);
	else
		watch_silence(a);
}

static void
connect_anew(struct asker *a)
{
	/* A directory that takes nobody is like one that does not answer: this loop waits for neither. */
	a->fd = a->owner->connect(a->owner->ctx);
	if (a->fd < 0)
		return;
	a->watch = loop_fd(a->loop, a->fd, LOOP_READ, on_event, a);
	if (a->kept == NULL)
		return;
	push(&a->open, (struct question){ .version = 0 });
	socketmap_put_question(&a->out, "version", SPAN_NONE);
}

/* The answer that was kept, into *q; else what is needed to keep it. */
static bool
is_known(struct asker *a, struct span text, struct question *q)
{
	struct buf reply;
	bool known;

	q->version = a->kept != NULL ? version_now(a) : 0;
	if (q->version == 0)
		return false;
	buf_init(&reply, KEPT_TEXT_MAX);
	known = kept_take(a->kept, q->version, text, &reply);
	if (known)
		text = buf_view(&reply);
	q->text = mem_copy(text);
	q->n = text.n;
	buf_free(&reply);
	return known;
}

static void
send_question(struct asker *a)
{
	if (a->fd < 0 || a->watch == NULL || a->out.overflow) {
		if (a->kick == NULL)
			a->kick = loop_timer(a->loop, 0, on_kick, a);
		return;
	}
	loop_timer_drop(&a->kick);	/* a connect that failed; this connection takes its question too */
	if (a->silence == NULL)
		watch_silence(a);
	write_out(a);
}

void
asker_ask(struct asker *a, const char *map, struct span key, const struct asker_question *question)
{
	char storage[LIMIT_SOCKETMAP + 1];
	struct question q = { .asked = *question };
	struct buf text;

	buf_init_fixed(&text, storage, sizeof(storage));
	buf_printf(&text, "%s %.*s", map, SPAN_ARG(key));
	if (!text.overflow && is_known(a, buf_view(&text), &q)) {
		push(&a->known, q);
		if (a->turn == NULL)
			a->turn = loop_timer(a->loop, 0, on_turn, a);
		return;
	}
	if (a->fd < 0)
		connect_anew(a);
	push(&a->open, q);
	socketmap_put_question(&a->out, map, key);
	send_question(a);
}

void
asker_forget(struct asker *a, const void *ctx)
{
	forget(&a->open, ctx);
	forget(&a->known, ctx);
}
