/*
 * deliverer: hand jobs to the programs that deliver.
 *
 * Invariant: every job that was begun and sent gets exactly one call unless it
 * is forgotten.  A job's number is its slot with a generation above it, so that
 * a late or invented answer finds no other job.
 *
 * Trust: answers come from our own programs, but a record that is no answer to
 * a job of that very connection ends the connection.
 */
#include "base/base.h"
#include "deliverer.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/die.h"
#include "base/limits.h"
#include "base/mem.h"
#include "service/service.h"
#include "sys/fdpass.h"

#define SLOT_BITS 24
#define SLOT_MASK ((1u << SLOT_BITS) - 1)
#define ANSWER_FIELDS (3 * LIMIT_JOB_RECIPIENTS + 8)
#define SILENCE_MS 1000		/* before a program that is not there is asked again */

enum slot_state { SLOT_FREE, SLOT_BEGUN, SLOT_WAITING, SLOT_SENT, SLOT_LOST };

struct slot {
	enum slot_state state;
	uint32_t generation;
	uint32_t next;		/* in the list of free or of waiting slots */
	uint8_t link;
	int fd;
	deliverer_call *call;
	void *ctx;
	struct buf record;	/* while it waits */
};

struct link {
	struct deliverer *owner;
	int fd;
	struct loop_fd *watch;
	size_t jobs;
	bool full;		/* the last send said EAGAIN */
};

#define NO_SLOT UINT32_MAX

struct deliverer {
	struct service *svc;
	struct loop *loop;
	const char *socket;	/* NULL: links to helpers, which are never made anew */
	struct loop_timer *again;
	size_t links;
	struct link link[DELIVERER_LINKS];
	struct slot *slots;
	uint32_t size;
	uint32_t free_first;
	uint32_t wait_first, wait_last;
	size_t jobs;
};

static void flush(struct deliverer *d);
static void on_answer(void *ctx, int fd, unsigned events);

struct deliverer *
deliverer_new(struct service *svc, struct loop *loop, const char *socket_name, size_t links)
{
	struct deliverer *d = mem_new(sizeof(*d));

	d->svc = svc;
	d->loop = loop;
	d->socket = socket_name;
	d->links = links < DELIVERER_LINKS ? links : DELIVERER_LINKS;
	for (size_t i = 0; i < d->links; i++)
		d->link[i] = (struct link){ .owner = d, .fd = -1 };
	d->free_first = d->wait_first = d->wait_last = NO_SLOT;
	return d;
}

struct deliverer *
deliverer_new_helpers(struct service *svc, struct loop *loop, const int *fds, size_t n)
{
	struct deliverer *d = deliverer_new(svc, loop, NULL, n);

	for (size_t i = 0; i < d->links; i++) {
		struct link *l = &d->link[i];

		l->fd = fds[i];
		fcntl(l->fd, F_SETFL, O_NONBLOCK);
		l->watch = loop_fd(loop, l->fd, LOOP_READ, on_answer, l);
		if (l->watch == NULL)
			die(EXIT_TRY_LATER, "cannot watch a helper: %s", strerror(errno));
	}
	return d;
}

static void
more_slots(struct deliverer *d)
{
	uint32_t size = d->size == 0 ? 64 : 2 * d->size;

	if (size > SLOT_MASK)
		bug("too many delivery jobs");
	d->slots = mem_resize_array(d->slots, size, sizeof(*d->slots));
	for (uint32_t i = size; i-- > d->size;) {
		d->slots[i] = (struct slot){ .fd = -1, .next = d->free_first };
		buf_init(&d->slots[i].record, LIMIT_RECORD);
		d->free_first = i;
	}
	d->size = size;
}

uint64_t
deliverer_begin(struct deliverer *d, deliverer_call *call, void *ctx)
{
	struct slot *s;
	uint32_t i;

	if (d->free_first == NO_SLOT)
		more_slots(d);
	i = d->free_first;
	s = &d->slots[i];
	d->free_first = s->next;
	s->state = SLOT_BEGUN;
	s->generation++;
	s->call = call;
	s->ctx = ctx;
	d->jobs++;
	return (uint64_t)s->generation << SLOT_BITS | i;
}

static struct slot *
find(struct deliverer *d, uint64_t job)
{
	uint64_t i = job & SLOT_MASK;

	if (i >= d->size || d->slots[i].generation != job >> SLOT_BITS || d->slots[i].state == SLOT_FREE)
		return NULL;
	return &d->slots[i];
}

static void
finish(struct deliverer *d, struct slot *s, const struct record *answer)
{
	deliverer_call *call = s->call;
	void *ctx = s->ctx;

	if (s->state == SLOT_SENT)
		d->link[s->link].jobs--;
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	buf_clear(&s->record);
	s->state = SLOT_FREE;
	s->next = d->free_first;
	d->free_first = (uint32_t)(s - d->slots);
	d->jobs--;
	if (call != NULL)
		call(ctx, answer);
}

static void
drop_link(struct deliverer *d, struct link *l)
{
	size_t which = (size_t)(l - d->link);

	if (d->socket == NULL)
		die(EXIT_TRY_LATER, "a helper of this process ended");
	loop_fd_drop(&l->watch);
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
	l->full = false;
	l->jobs = 0;
	/* Marked first: a call may send new jobs over this link, connected anew. */
	for (uint32_t i = 0; i < d->size; i++)
		if (d->slots[i].state == SLOT_SENT && d->slots[i].link == which)
			d->slots[i].state = SLOT_LOST;
	for (uint32_t i = 0; i < d->size; i++)
		if (d->slots[i].state == SLOT_LOST)
			finish(d, &d->slots[i], NULL);
}

static void
connect_link(struct deliverer *d, struct link *l)
{
	/* Without waiting: where nobody takes connections the jobs wait, and not this loop. */
	l->fd = owner_connect(d->svc, d->socket, SOCK_SEQPACKET | SOCK_NONBLOCK);
	if (l->fd < 0)
		return;
	l->watch = loop_fd(d->loop, l->fd, LOOP_READ, on_answer, l);
	if (l->watch == NULL)
		drop_link(d, l);
}

/* The link with the fewest jobs that takes more; NULL when all are full or none connects. */
static struct link *
choose(struct deliverer *d)
{
	struct link *best = NULL;

	for (size_t i = 0; i < d->links; i++) {
		struct link *l = &d->link[i];

		if (l->fd < 0)
			connect_link(d, l);
		if (l->fd >= 0 && !l->full && (best == NULL || l->jobs < best->jobs))
			best = l;
	}
	return best;
}

static void
on_again(void *ctx)
{
	struct deliverer *d = ctx;
	bool any = false;
	uint32_t next;

	d->again = NULL;
	for (size_t i = 0; i < d->links; i++)
		any = any || d->link[i].fd >= 0;
	if (any || choose(d) != NULL) {
		flush(d);
		return;
	}
	log_failure(d->svc, NULL, NULL, "event=deliverer-absent socket=%s jobs=%zu", d->socket, d->jobs);
	/* Both ends first: what the calls send meanwhile is a list of its own. */
	next = d->wait_first;
	d->wait_first = d->wait_last = NO_SLOT;
	while (next != NO_SLOT) {
		struct slot *s = &d->slots[next];

		next = s->next;
		finish(d, s, NULL);
	}
}

/* 1: sent; 0: try another link; -1: the link is gone. */
static int
send_over(struct deliverer *d, struct link *l, struct slot *s)
{
	ssize_t n = fdpass_send(l->fd, s->record.p, s->record.n, &s->fd, s->fd >= 0 ? 1 : 0);

	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
		l->full = true;
		loop_fd_events(l->watch, LOOP_READ | LOOP_WRITE);
		return 0;
	}
	if (n < 0) {
		drop_link(d, l);
		return -1;
	}
	s->state = SLOT_SENT;
	s->link = (uint8_t)(l - d->link);
	l->jobs++;
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	buf_clear(&s->record);
	return 1;
}

/* Send what waits, as far as the links take it. */
static void
flush(struct deliverer *d)
{
	while (d->wait_first != NO_SLOT) {
		struct slot *s = &d->slots[d->wait_first];
		struct link *l = choose(d);
		uint32_t next = s->next;

		if (l == NULL) {
			if (d->again == NULL)
				d->again = loop_timer(d->loop, SILENCE_MS, on_again, d);
			return;
		}
		if (send_over(d, l, s) != 1)
			continue;
		d->wait_first = next;
		if (next == NO_SLOT)
			d->wait_last = NO_SLOT;
	}
}

void
deliverer_send(struct deliverer *d, uint64_t job, const struct buf *record, int fd)
{
	struct slot *s = find(d, job);

	if (s == NULL || s->state != SLOT_BEGUN || record->overflow)
		bug("a delivery job that was not begun, or is too long");
	buf_clear(&s->record);
	buf_put(&s->record, record->p, record->n);
	s->fd = fd;
	s->state = SLOT_WAITING;
	s->next = NO_SLOT;
	if (d->wait_last == NO_SLOT)
		d->wait_first = (uint32_t)(s - d->slots);
	else
		d->slots[d->wait_last].next = (uint32_t)(s - d->slots);
	d->wait_last = (uint32_t)(s - d->slots);
	flush(d);
}

void
deliverer_forget(struct deliverer *d, uint64_t job)
{
	struct slot *s = find(d, job);

	if (s != NULL)
		s->call = NULL;
}

size_t
deliverer_jobs(const struct deliverer *d)
{
	return d->jobs;
}

/* False when the record is no answer to a job of this link. */
static bool
take_answer(struct deliverer *d, struct link *l, struct span text)
{
	struct record r;
	struct slot *s = NULL;
	uint64_t job;

	if (!record_parse(text, ANSWER_FIELDS, &r))
		return false;
	if (record_get_num(&r, "job", UINT64_MAX, &job))
		s = find(d, job);
	if (s != NULL && s->state == SLOT_SENT && s->link == (size_t)(l - d->link))
		finish(d, s, &r);
	else
		s = NULL;
	record_free(&r);
	return s != NULL;
}

static void
on_answer(void *ctx, int fd, unsigned events)
{
	static char packet[LIMIT_RECORD];
	struct link *l = ctx;
	struct deliverer *d = l->owner;

	if (events & LOOP_WRITE) {
		l->full = false;
		loop_fd_events(l->watch, LOOP_READ);
	}
	/* Read on only while answers may be there: a read that finds nothing costs as much as one that does. */
	for (bool more = events & (LOOP_READ | LOOP_HANGUP); more && l->fd == fd; more = l->jobs > 0) {
		ssize_t n = recv(fd, packet, sizeof(packet), MSG_TRUNC | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n <= 0 || n > (ssize_t)sizeof(packet) || !take_answer(d, l, span_make(packet, (size_t)n))) {
			drop_link(d, l);
			break;
		}
	}
	flush(d);
}
