/*
 * door: see door.h.
 *
 * Invariant: the socket is watched for input exactly while the door is neither
 * held nor in a pause.
 */
#include "base/base.h"
#include "io/door.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "sys/clock.h"

/* Let in during one turn of the loop; the others wait for the next. */
#define AT_ONCE 64
#define PAUSE_MS 500
/* Descriptors that are left to the program for its files. */
#define SPARE 8
#define SAY_AGAIN_MS 60000

struct door {
	struct loop *loop;
	struct loop_fd *watch;
	struct loop_timer *pause;
	int flags;			/* for accept4 */
	bool held;
	bool tight;			/* the last one let in left no SPARE descriptors */
	uint64_t said_ms;		/* clock_ms of the last word about a failure; 0: none yet */
	door_call *call;
	door_failed_call *failed;
	void *ctx;
};

static void
watch(struct door *d)
{
	loop_fd_events(d->watch, d->held || d->pause != NULL ? 0 : LOOP_READ);
}

static void
on_pause_over(void *ctx)
{
	struct door *d = ctx;

	d->pause = NULL;
	watch(d);
}

static void
fail(struct door *d, int error)
{
	uint64_t now = clock_ms();

	if (error == EAGAIN || error == EINTR || error == ECONNABORTED)
		return;
	d->pause = loop_timer(d->loop, PAUSE_MS, on_pause_over, d);
	watch(d);
	if (d->said_ms != 0 && now - d->said_ms < SAY_AGAIN_MS)
		return;
	d->said_ms = now;
	if (d->failed != NULL)
		d->failed(d->ctx, error);
}

/* Are there numbers for SPARE descriptors above the lowest free one? */
static bool
has_spare(int lowest)
{
	int fd = fcntl(lowest, F_DUPFD_CLOEXEC, lowest + SPARE);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static bool
is_still_tight(int listener)
{
	int lowest = fcntl(listener, F_DUPFD_CLOEXEC, 0);
	bool tight = lowest < 0 || !has_spare(lowest);

	if (lowest >= 0)
		close(lowest);
	return tight;
}

static void
on_listener(void *ctx, int listener, unsigned events)
{
	struct door *d = ctx;

	(void)events;
	for (int i = 0; i < AT_ONCE && !d->held; i++) {
		int fd = -1;

		if (d->tight && is_still_tight(listener))
			errno = EMFILE;
		else
			fd = accept4(listener, NULL, NULL, d->flags);
		if (fd < 0) {
			fail(d, errno);
			return;
		}
		d->tight = !has_spare(fd);
		d->call(d->ctx, fd);
	}
}

struct door *
door_open(struct loop *loop, int listener, int flags, door_call *call, door_failed_call *failed, void *ctx)
{
	struct door *d = mem_new(sizeof(*d));

	*d = (struct door){ .loop = loop, .flags = flags | SOCK_CLOEXEC, .call = call, .failed = failed, .ctx = ctx };
	(void)fcntl(listener, F_SETFL, O_NONBLOCK);
	d->watch = loop_fd(loop, listener, LOOP_READ, on_listener, d);
	if (d->watch == NULL) {
		free(d);
		return NULL;
	}
	return d;
}

void
door_hold(struct door *d, bool hold)
{
	d->held = hold;
	watch(d);
}

void
door_close(struct door **dp)
{
	struct door *d = *dp;

	if (d == NULL)
		return;
	loop_timer_drop(&d->pause);
	loop_fd_drop(&d->watch);
	free(d);
	*dp = NULL;
}
