/*
 * clock-at-will: a server whose time passes only when a test says so.
 *
 * Linked into a listener that is started with a connection on fd 0/1.  Its clock
 * stands still.  Each time that it waits for its client it writes "waits MS\n" to
 * fd 9, where MS is the longest that it would wait, and a line "MS\n" read from
 * there is that much time gone by in silence.  So ten minutes take none, and a
 * busy machine changes nothing.
 */
#include "base/base.h"
#include "base/die.h"
#include "base/num.h"
#include "base/span.h"
#include "sys/clock.h"

#include <poll.h>
#include <unistd.h>

#define CONTROL_FD 9
#define WAITS_MAX 4

uint64_t __wrap_clock_ms(void);
int __real_poll(struct pollfd *fds, nfds_t n, int ms);
int __wrap_poll(struct pollfd *fds, nfds_t n, int ms);
int __wrap___poll_chk(struct pollfd *fds, nfds_t n, int ms, size_t room);

static uint64_t now_ms = 1000000;

uint64_t
__wrap_clock_ms(void)
{
	return now_ms;
}

static void
take_time(void)
{
	char text[32];
	size_t n = 0;
	uint64_t ms;

	while (n < sizeof(text) && read(CONTROL_FD, text + n, 1) == 1 && text[n] != '\n')
		n++;
	if (!num_parse(span_make(text, n), UINT32_MAX, &ms))
		die(EXIT_USAGE, "clock-at-will: no time on fd %d", CONTROL_FD);
	now_ms += ms;
}

/* Returns 0 early when time went by: who waits looks at the clock again. */
static int
wait_for_client(struct pollfd *fds, nfds_t n, int ms)
{
	struct pollfd all[WAITS_MAX + 1];
	int got = __real_poll(fds, n, 0);

	if (got != 0 || ms == 0)
		return got;
	if (n > WAITS_MAX || dprintf(CONTROL_FD, "waits %d\n", ms) < 0)
		die(EXIT_USAGE, "clock-at-will: nobody on fd %d", CONTROL_FD);
	memcpy(all, fds, n * sizeof(*fds));
	all[n] = (struct pollfd){ .fd = CONTROL_FD, .events = POLLIN };
	if (__real_poll(all, n + 1, -1) > 0 && all[n].revents != 0)
		take_time();
	return __real_poll(fds, n, 0);
}

int
__wrap_poll(struct pollfd *fds, nfds_t n, int ms)
{
	if (n > 0 && fds[0].fd == 0 && (fds[0].events & POLLIN) != 0)
		return wait_for_client(fds, n, ms);
	return __real_poll(fds, n, ms);
}

/* What poll is called when the compiler knows how large the array is. */
int
__wrap___poll_chk(struct pollfd *fds, nfds_t n, int ms, size_t room)
{
	if (room / sizeof(*fds) < n)
		bug("poll: %zu bytes for %lu descriptors", room, (unsigned long)n);
	return __wrap_poll(fds, n, ms);
}
