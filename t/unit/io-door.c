/*
 * door: whoever connects is handed on; when descriptors run out the loop rests
 * between attempts, says so once, and goes on when there are some again.
 */
#include "base/base.h"
#include "io/door.h"
#include "net/connect.h"
#include "net/listen.h"
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define CALLERS 20

static char folder[] = "/tmp/io-door.XXXXXX";
static struct door *door;
static unsigned attempts;		/* of accept4 */
static int taken[3 * CALLERS];
static size_t count, most;
static unsigned failures;
static int failure;

int __real_accept4(int fd, struct sockaddr *from, socklen_t *n, int flags);
int __wrap_accept4(int fd, struct sockaddr *from, socklen_t *n, int flags);

int
__wrap_accept4(int fd, struct sockaddr *from, socklen_t *n, int flags)
{
	attempts++;
	return __real_accept4(fd, from, n, flags);
}

static void
on_caller(void *ctx, int fd)
{
	(void)ctx;
	taken[count++] = fd;
	if (count == most)
		door_hold(door, true);
}

static void
on_failed(void *ctx, int error)
{
	(void)ctx;
	failures++;
	failure = error;
}

static void
stop(void *ctx)
{
	loop_stop(ctx);
}

static void
run(struct loop *loop, uint64_t ms)
{
	loop_timer(loop, ms, stop, loop);
	loop_run(loop);
}

static void
connect_all(int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		fds[i] = connect_unix("door", SOCK_STREAM);
}

static void
hang_up(int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
}

/* True when the descriptors are open, close-on-exec, and block or not. */
static bool
are_open(const int *fds, size_t n, bool blocking)
{
	bool good = n > 0;

	for (size_t i = 0; i < n; i++)
		good = good && fcntl(fds[i], F_GETFD) == FD_CLOEXEC
			&& (fcntl(fds[i], F_GETFL) & O_NONBLOCK) == (blocking ? 0 : O_NONBLOCK);
	return good;
}

static uint64_t
processor_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Room for so many more descriptors. */
static void
leave_room(unsigned n)
{
	int next = dup(0);
	struct rlimit r;

	close(next);
	if (getrlimit(RLIMIT_NOFILE, &r) != 0)
		_exit(99);
	r.rlim_cur = (rlim_t)next + n;
	if (setrlimit(RLIMIT_NOFILE, &r) != 0)
		_exit(99);
}

static void
shortage(struct loop *loop)
{
	int callers[CALLERS];
	uint64_t begin;
	struct rlimit r;

	connect_all(callers, CALLERS);
	leave_room(13);
	attempts = 0;
	begin = processor_ms();
	run(loop, 2200);
	ok(count >= 5 && count <= 7, "a few descriptors are left to the program: %zu are let in", count);
	ok(attempts <= count + 6, "the loop rests between attempts: %u", attempts);
	ok(processor_ms() - begin < 500, "and takes no processor time");
	ok(failures == 1 && failure == EMFILE, "the shortage is told once");
	if (getrlimit(RLIMIT_NOFILE, &r) != 0)
		_exit(99);
	r.rlim_cur = 200;
	if (setrlimit(RLIMIT_NOFILE, &r) != 0)
		_exit(99);
	run(loop, 1200);
	is_num(count, CALLERS, "when it is over the others are let in");
	ok(are_open(taken, count, false), "connections do not block when that is asked for");
	hang_up(callers, CALLERS);
	hang_up(taken, count);
	count = 0;
}

static void
holding(struct loop *loop)
{
	int callers[CALLERS];

	connect_all(callers, CALLERS);
	most = 3;
	run(loop, 100);
	is_num(count, 3, "nobody is let in beyond a hold");
	most = 0;
	door_hold(door, false);
	run(loop, 100);
	is_num(count, CALLERS, "and all when it is over");
	ok(are_open(taken, count, true), "connections block when that is asked for");
	hang_up(callers, CALLERS);
	hang_up(taken, count);
	count = 0;
}

int
main(void)
{
	int dir, listener;
	struct loop *loop = loop_new();

	if (mkdtemp(folder) == NULL || chdir(folder) != 0)
		return 99;
	dir = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	listener = listen_unix(dir, "door", SOCK_STREAM, 0600, 100);
	if (listener < 0)
		return 99;
	door = door_open(loop, listener, SOCK_NONBLOCK, on_caller, on_failed, NULL);
	shortage(loop);
	door_close(&door);
	door = door_open(loop, listener, 0, on_caller, on_failed, NULL);
	holding(loop);
	door_close(&door);
	ok(door == NULL && fcntl(listener, F_GETFD) >= 0, "the listening socket stays its owner's");
	loop_free(&loop);
	(void)unlink("door");
	(void)rmdir(folder);
	return done();
}
