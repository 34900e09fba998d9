/*
 * loop: descriptors by epoll, timers in a binary heap, signals by signalfd.
 *
 * Invariants:
 * 1. A watch or timer that was dropped is never called again, also when the
 *    kernel has already reported it in the batch that is being worked off:
 *    dropped watches stay allocated, marked dead, until the batch is over.
 * 2. timers[0] is due first; each timer knows its place in the heap.
 */
#include "base/base.h"
#include "io/loop.h"
#include "base/die.h"
#include "base/mem.h"
#include "sys/clock.h"

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>

/* Events taken from the kernel at a time; more only wait for the next turn. */
#define BATCH 64

struct loop_fd {
	struct loop *loop;
	struct loop_fd *next;	/* in loop->watches, or in loop->dead */
	struct loop_fd **at;	/* what points to this one */
	int fd;
	unsigned events;	/* what the kernel was told to watch for */
	loop_fd_call *call;	/* NULL: dropped */
	void *ctx;
};

struct loop_timer {
	struct loop *loop;
	size_t place;
	uint64_t due;		/* clock_ms */
	uint64_t order;		/* first made, first called, when due together */
	loop_timer_call *call;
	void *ctx;
};

struct loop_signal {
	loop_signal_call *call;
	void *ctx;
};

struct loop {
	int epoll;
	int signal_fd;
	sigset_t signals;
	struct loop_fd *signal_watch;
	struct loop_signal handlers[_NSIG];
	struct loop_fd *watches;
	struct loop_fd *dead;
	struct loop_timer **timers;
	size_t timer_count, timer_room;
	uint64_t timer_order;
	bool stopped;
};

struct loop *
loop_new(void)
{
	struct loop *l = mem_new(sizeof(*l));

	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll < 0)
		die(EXIT_TRY_LATER, "no epoll descriptor: %m");
	l->signal_fd = -1;
	sigemptyset(&l->signals);
	return l;
}

static void
free_watches(struct loop_fd **list)
{
	while (*list != NULL) {
		struct loop_fd *w = *list;

		*list = w->next;
		free(w);
	}
}

void
loop_free(struct loop **lp)
{
	struct loop *l = *lp;

	if (l == NULL)
		return;
	free_watches(&l->watches);
	free_watches(&l->dead);
	for (size_t i = 0; i < l->timer_count; i++)
		free(l->timers[i]);
	free(l->timers);
	if (l->signal_fd >= 0)
		close(l->signal_fd);
	close(l->epoll);
	free(l);
	*lp = NULL;
}

static uint32_t
to_epoll(unsigned events)
{
	uint32_t e = 0;

	if (events & LOOP_READ)
		e |= EPOLLIN;
	if (events & LOOP_WRITE)
		e |= EPOLLOUT;
	if (events & LOOP_EXCLUSIVE)
		e |= EPOLLEXCLUSIVE;
	return e;
}

static unsigned
from_epoll(uint32_t e)
{
	unsigned events = 0;

	if (e & EPOLLIN)
		events |= LOOP_READ;
	if (e & EPOLLOUT)
		events |= LOOP_WRITE;
	if (e & (EPOLLHUP | EPOLLERR | EPOLLRDHUP))
		events |= LOOP_HANGUP;
	return events;
}

struct loop_fd *
loop_fd(struct loop *l, int fd, unsigned events, loop_fd_call *call, void *ctx)
{
	struct loop_fd *w = mem_new(sizeof(*w));
	struct epoll_event e = { .events = to_epoll(events), .data.ptr = w };

	if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &e) != 0) {
		free(w);
		return NULL;
	}
	*w = (struct loop_fd){ .loop = l, .next = l->watches, .at = &l->watches,
		.fd = fd, .events = events, .call = call, .ctx = ctx };
	if (w->next != NULL)
		w->next->at = &w->next;
	l->watches = w;
	return w;
}

void
loop_fd_events(struct loop_fd *w, unsigned events)
{
	struct epoll_event e = { .events = to_epoll(events), .data.ptr = w };

	if (w->events == events)
		return;
	w->events = events;
	if (epoll_ctl(w->loop->epoll, EPOLL_CTL_MOD, w->fd, &e) != 0)
		bug("loop_fd_events on descriptor %d: %m", w->fd);
}

void
loop_fd_drop(struct loop_fd **wp)
{
	struct loop_fd *w = *wp;

	if (w == NULL)
		return;
	*wp = NULL;
	if (epoll_ctl(w->loop->epoll, EPOLL_CTL_DEL, w->fd, NULL) != 0)
		bug("loop_fd_drop on descriptor %d: %m", w->fd);
	*w->at = w->next;
	if (w->next != NULL)
		w->next->at = w->at;
	w->call = NULL;
	w->next = w->loop->dead;
	w->loop->dead = w;
}

static bool
is_before(const struct loop_timer *a, const struct loop_timer *b)
{
	return a->due != b->due ? a->due < b->due : a->order < b->order;
}

static void
heap_put(struct loop *l, size_t place, struct loop_timer *t)
{
	l->timers[place] = t;
	t->place = place;
}

static void
heap_up(struct loop *l, size_t place)
{
	struct loop_timer *t = l->timers[place];

	while (place > 0 && is_before(t, l->timers[(place - 1) / 2])) {
		heap_put(l, place, l->timers[(place - 1) / 2]);
		place = (place - 1) / 2;
	}
	heap_put(l, place, t);
}

static void
heap_down(struct loop *l, size_t place)
{
	struct loop_timer *t = l->timers[place];

	for (;;) {
		size_t child = 2 * place + 1;

		if (child >= l->timer_count)
			break;
		if (child + 1 < l->timer_count && is_before(l->timers[child + 1], l->timers[child]))
			child++;
		if (!is_before(l->timers[child], t))
			break;
		heap_put(l, place, l->timers[child]);
		place = child;
	}
	heap_put(l, place, t);
}

static void
heap_remove(struct loop *l, size_t place)
{
	struct loop_timer *last = l->timers[--l->timer_count];

	if (place == l->timer_count)
		return;
	heap_put(l, place, last);
	heap_up(l, place);
	heap_down(l, last->place);
}

struct loop_timer *
loop_timer(struct loop *l, uint64_t ms, loop_timer_call *call, void *ctx)
{
	struct loop_timer *t = mem_new(sizeof(*t));
	uint64_t now = clock_ms();

	*t = (struct loop_timer){ .loop = l, .order = l->timer_order++, .call = call, .ctx = ctx,
		.due = ms > UINT64_MAX - now ? UINT64_MAX : now + ms };
	if (l->timer_count == l->timer_room) {
		l->timer_room = l->timer_room == 0 ? 16 : l->timer_room * 2;
		l->timers = mem_resize_array(l->timers, l->timer_room, sizeof(*l->timers));
	}
	heap_put(l, l->timer_count++, t);
	heap_up(l, t->place);
	return t;
}

void
loop_timer_drop(struct loop_timer **tp)
{
	struct loop_timer *t = *tp;

	if (t == NULL)
		return;
	*tp = NULL;
	heap_remove(t->loop, t->place);
	free(t);
}

static void
on_signals(void *ctx, int fd, unsigned events)
{
	struct loop *l = ctx;
	struct signalfd_siginfo info;

	(void)events;
	while (read(fd, &info, sizeof(info)) == sizeof(info)) {
		struct loop_signal *h = info.ssi_signo < PB_COUNT(l->handlers)
			? &l->handlers[info.ssi_signo] : NULL;

		if (h != NULL && h->call != NULL)
			h->call(h->ctx, (int)info.ssi_signo);
	}
}

void
loop_signal(struct loop *l, int signo, loop_signal_call *call, void *ctx)
{
	int fd;

	if (signo <= 0 || (size_t)signo >= PB_COUNT(l->handlers))
		bug("loop_signal: signal %d", signo);
	l->handlers[signo] = (struct loop_signal){ call, ctx };
	sigaddset(&l->signals, signo);
	if (sigprocmask(SIG_BLOCK, &l->signals, NULL) != 0)
		die(EXIT_TRY_LATER, "cannot block signals: %m");
	fd = signalfd(l->signal_fd, &l->signals, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		die(EXIT_TRY_LATER, "no descriptor for signals: %m");
	if (l->signal_fd >= 0)
		return;
	l->signal_fd = fd;
	l->signal_watch = loop_fd(l, fd, LOOP_READ, on_signals, l);
	if (l->signal_watch == NULL)
		die(EXIT_TRY_LATER, "cannot watch signals: %m");
}

/* Call what is due; how long epoll may sleep, -1 when there is no timer. */
static int
run_timers(struct loop *l)
{
	uint64_t now = clock_ms();

	while (!l->stopped && l->timer_count > 0 && l->timers[0]->due <= now) {
		struct loop_timer *t = l->timers[0];
		loop_timer_call *call = t->call;
		void *ctx = t->ctx;

		heap_remove(l, 0);
		free(t);
		call(ctx);
	}
	if (l->timer_count == 0)
		return -1;
	now = clock_ms();
	if (l->timers[0]->due <= now)
		return 0;
	return l->timers[0]->due - now > 3600000 ? 3600000 : (int)(l->timers[0]->due - now);
}

void
loop_run(struct loop *l)
{
	struct epoll_event batch[BATCH];

	l->stopped = false;
	while (!l->stopped) {
		int wait = run_timers(l);
		int n = l->stopped ? 0 : epoll_wait(l->epoll, batch, BATCH, wait);

		if (n < 0 && errno != EINTR)
			die(EXIT_TRY_LATER, "epoll_wait: %m");
		for (int i = 0; i < n && !l->stopped; i++) {
			struct loop_fd *w = batch[i].data.ptr;

			if (w->call != NULL)
				w->call(w->ctx, w->fd, from_epoll(batch[i].events));
		}
		free_watches(&l->dead);
	}
}

void
loop_stop(struct loop *l)
{
	l->stopped = true;
}
