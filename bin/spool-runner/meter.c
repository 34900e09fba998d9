/*
 * meter: see meter.h.
 *
 * Invariant: every question gets exactly one call.  They stand in a list in
 * the order in which they were sent, which is the order of the answers.
 *
 * Trust: records of abuse-check are parsed as hostile; one that is no answer
 * ends the connection.
 */
#include "base/base.h"
#include "meter.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/record.h"
#include "service/service.h"
#include "sys/fdpass.h"

#define SILENCE_MS 5000
#define ANSWER_FIELDS 8

struct question {
	struct question *next;
	meter_call *call;
	void *ctx;
};

struct meter {
	struct service *svc;
	struct loop *loop;
	int fd;
	struct loop_fd *watch;
	struct loop_timer *silence, *kick;
	struct question *first, **last;
};

struct meter *
meter_new(struct service *svc, struct loop *loop)
{
	struct meter *m = mem_new(sizeof(*m));

	*m = (struct meter){ .svc = svc, .loop = loop, .fd = -1 };
	m->last = &m->first;
	return m;
}

static void
answer(struct meter *m, struct span who, struct span limit, bool first)
{
	struct question *q = m->first;

	m->first = q->next;
	if (m->first == NULL)
		m->last = &m->first;
	q->call(q->ctx, who, limit, first);
	free(q);
}

/* No connection: what was asked up to now goes on. */
static void
give_up(struct meter *m)
{
	size_t n = 0;

	loop_timer_drop(&m->silence);
	loop_timer_drop(&m->kick);
	loop_fd_drop(&m->watch);
	if (m->fd >= 0)
		close(m->fd);
	m->fd = -1;
	for (const struct question *q = m->first; q != NULL; q = q->next)
		n++;
	if (n > 0)
		log_failure(m->svc, NULL, NULL, "event=throttles-not-counted messages=%zu", n);
	while (n-- > 0)
		answer(m, SPAN_NONE, SPAN_NONE, false);
}

static void
on_silence(void *ctx)
{
	struct meter *m = ctx;

	m->silence = NULL;
	give_up(m);
}

static void
on_kick(void *ctx)
{
	struct meter *m = ctx;

	m->kick = NULL;
	give_up(m);
}

/* False when it is no answer to a question. */
static bool
take(struct meter *m, const struct record *r)
{
	struct span who = record_get(r, "who"), limit = record_get(r, "limit");

	if (span_is(r->verb, "blocks"))
		return true;
	if (m->first == NULL)
		return false;
	if (span_is(r->verb, "ok")) {
		answer(m, SPAN_NONE, SPAN_NONE, false);
		return true;
	}
	if (!span_is(r->verb, "held") || who.n == 0 || limit.n == 0)
		return false;
	answer(m, who, limit, span_is(record_get(r, "first"), "1"));
	return true;
}

static void
on_event(void *ctx, int fd, unsigned events)
{
	struct meter *m = ctx;

	(void)events;
	for (;;) {
		char text[LIMIT_ABUSE_RECORD];
		int page = -1, pages = 1;
		ssize_t n = fdpass_recv(fd, text, sizeof(text), &page, &pages);
		struct record r;
		bool good;

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n > 0 && pages == 1)
			close(page);	/* the map of blocks */
		if (n <= 0 || !record_parse(span_make(text, (size_t)n), ANSWER_FIELDS, &r)) {
			give_up(m);
			return;
		}
		loop_timer_drop(&m->silence);
		good = take(m, &r);
		record_free(&r);
		if (!good) {
			give_up(m);
			return;
		}
		if (m->first != NULL)
			m->silence = loop_timer(m->loop, SILENCE_MS, on_silence, m);
	}
}

/* False when nobody hears it. */
static bool
say(struct meter *m, const struct buf *text)
{
	if (m->fd < 0) {
		m->fd = owner_connect(m->svc, "abuse", SOCK_SEQPACKET | SOCK_NONBLOCK);
		m->watch = m->fd >= 0 ? loop_fd(m->loop, m->fd, LOOP_READ, on_event, m) : NULL;
	}
	return m->watch != NULL && !text->overflow && send(m->fd, text->p, text->n, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

static struct buf *
record_buf(void)
{
	static struct buf b;

	if (b.max == 0)
		buf_init(&b, LIMIT_ABUSE_RECORD);
	return &b;
}

void
meter_spend(struct meter *m, const struct meter_limit *limits, size_t n, uint64_t size, meter_call *call, void *ctx)
{
	struct question *q = mem_new(sizeof(*q));
	struct buf *b = record_buf();
	char text[LIMIT_ADDRESS + 64];

	*q = (struct question){ .call = call, .ctx = ctx };
	*m->last = q;
	m->last = &q->next;
	record_begin(b, "spend");
	record_add_num(b, "size", size);
	for (size_t i = 0; i < n; i++) {
		snprintf(text, sizeof(text), "%u %u %u %.*s", limits[i].messages, limits[i].mb, limits[i].bounces,
		    SPAN_ARG(limits[i].who));
		record_add_text(b, "limit", text);
	}
	/* Later, also when it failed: the caller is not called before this returns. */
	if (!say(m, b) && m->kick == NULL)
		m->kick = loop_timer(m->loop, 0, on_kick, m);
	else if (m->silence == NULL)
		m->silence = loop_timer(m->loop, SILENCE_MS, on_silence, m);
}

void
meter_bounced(struct meter *m, struct span mailbox)
{
	struct buf *b = record_buf();

	record_begin(b, "bounced");
	record_add(b, "user", mailbox);
	if (!say(m, b))
		log_failure(m->svc, NULL, NULL, "event=throttles-not-counted bounces=1");
}
