/* io/loop.h: order of timers, dropping inside callbacks, signals. */
#include "base/base.h"
#include "io/loop.h"
#include "sys/clock.h"
#include "tap.h"

#include <signal.h>
#include <unistd.h>

static char order[16];
static size_t order_count;

struct step {
	struct loop *loop;
	char name;
	bool stops;
};

static void
on_step(void *ctx)
{
	struct step *s = ctx;

	order[order_count++] = s->name;
	if (s->stops)
		loop_stop(s->loop);
}

static void
timers_run_in_order(void)
{
	struct loop *l = loop_new();
	struct step a = { l, 'a', false }, b = { l, 'b', false }, c = { l, 'c', true }, d = { l, 'd', false };
	struct loop_timer *dropped;
	uint64_t begin = clock_ms();

	loop_timer(l, 30, on_step, &c);
	dropped = loop_timer(l, 5, on_step, &d);
	loop_timer(l, 10, on_step, &b);
	loop_timer(l, 1, on_step, &a);
	loop_timer_drop(&dropped);
	loop_timer_drop(&dropped);
	loop_run(l);
	is_text(order, "abc", "timers are called when they are due, in order, and not after loop_timer_drop");
	ok(clock_ms() - begin >= 30, "and not too early");
	loop_free(&l);
	ok(l == NULL, "loop_free clears the pointer");
}

static int
plain_file(void)
{
	return fileno(tmpfile());
}

struct pair {
	struct loop *loop;
	struct loop_fd *watches[2];
	int calls;
};

/* Whichever comes first drops the other, which the kernel has reported already. */
static void
on_first(void *ctx, int fd, unsigned events)
{
	struct pair *p = ctx;

	(void)fd;
	(void)events;
	p->calls++;
	loop_fd_drop(&p->watches[0]);
	loop_fd_drop(&p->watches[1]);
	loop_stop(p->loop);
}

static void
dropped_watch_is_silent(void)
{
	int one[2], two[2];
	struct pair p = { .loop = loop_new() };

	ok(pipe(one) == 0 && pipe(two) == 0, "two pipes");
	ok(write(one[1], "x", 1) == 1 && write(two[1], "x", 1) == 1, "both readable");
	p.watches[0] = loop_fd(p.loop, one[0], LOOP_READ, on_first, &p);
	p.watches[1] = loop_fd(p.loop, two[0], LOOP_READ, on_first, &p);
	loop_run(p.loop);
	is_num(p.calls, 1, "a watch dropped by another's callback of the same turn is not called");
	ok(loop_fd(p.loop, plain_file(), LOOP_READ, on_first, &p) == NULL, "a plain file cannot be watched");
	loop_free(&p.loop);
}

static int got_signal;

static void
on_signal(void *ctx, int signo)
{
	got_signal = signo;
	loop_stop(ctx);
}

static void
signals_come_in_line(void)
{
	struct loop *l = loop_new();

	loop_signal(l, SIGUSR1, on_signal, l);
	loop_signal(l, SIGUSR2, on_signal, l);
	raise(SIGUSR2);
	loop_run(l);
	is_num(got_signal, SIGUSR2, "a signal is told by the loop, not by interruption");
	loop_free(&l);
}

int
main(void)
{
	timers_run_in_order();
	dropped_watch_is_silent();
	signals_come_in_line();
	return done();
}
