/*
 * worker: from fork to the end of the last session.
 *
 * Start order: descriptors of others closed, signals as
 * new, the owners connected (after the uid change, which the parent made),
 * what the program itself needs, seccomp; only then a byte from outside.
 */
#include "base/base.h"
#include "service/channel.h"
#include "service/notify.h"
#include "service/owners_private.h"
#include "service/pool.h"
#include "sys/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>

/*
 * After a session: wait so long for the next before the parent and event-log
 * are woken.  Under load a worker goes from one session to the next without a
 * word to either.
 */
#define LINGER_MS 50
/* A shortage of descriptors or memory in accept: wait, the kernel says no more. */
#define SHORTAGE_MS 100

static void
forget_parent(struct pool *p, size_t place, int channel)
{
	sigset_t none;

	if (dup2(channel, p->channel_slot) < 0 || fcntl(p->channel_slot, F_SETFD, FD_CLOEXEC) != 0)
		_exit(1);
	if (close_range((unsigned)p->low_fd, ~0U, 0) != 0)
		_exit(1);
	if (p->svc->master_fd >= 0)
		close(p->svc->master_fd);
	p->svc->master_fd = -1;
	if (p->svc->outside_fd >= 0)
		close(p->svc->outside_fd);
	p->svc->outside_fd = -1;
	p->svc->channel = p->channel_slot;
	p->svc->log.timer = NULL;
	p->svc->loop = NULL;
	buf_clear(&p->svc->log.pending);
	p->svc->log.lines = 0;
	(void)signal(SIGTERM, SIG_DFL);
	(void)signal(SIGINT, SIG_DFL);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	session_crowd_begin();
	scoreboard_keep_only(p->board, place);
	pressure_keep_reading(p->svc->pressure);
}

static bool
tell(const struct service *svc, char message)
{
	return send(svc->channel, &message, 1, MSG_NOSIGNAL) == 1;
}

static void
watch(int epoll, int fd, uint32_t events, uint64_t number)
{
	struct epoll_event e = { .events = events, .data.u64 = number };

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) != 0)
		_exit(1);
}

/* Listeners by their number; everything else only tells to leave or look. */
static int
prepare_wait(const struct pool *p)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	if (epoll < 0)
		_exit(1);
	for (size_t i = 0; i < p->listener_count; i++)
		watch(epoll, p->listeners[i].fd, EPOLLIN | EPOLLEXCLUSIVE, i);
	watch(epoll, p->svc->channel, EPOLLIN, POOL_LISTENERS_MAX);
	for (size_t i = 0; i < OWNERS_MAX; i++)
		if (p->svc->owner_fds[i] >= 0)
			watch(epoll, p->svc->owner_fds[i], EPOLLRDHUP, POOL_LISTENERS_MAX + 1);
	return epoll;
}

/* The parent needs to know who is idle, but each BUSY and IDLE wakes it. */
static bool
is_said_busy(struct service *svc, bool *busy, bool now)
{
	if (*busy == now)
		return true;
	*busy = now;
	return svc->channel >= 0 && tell(svc, now ? CHANNEL_BUSY : CHANNEL_IDLE);
}

/* Accept and serve one connection, if it is still there. */
static void
serve_one(struct pool *p, size_t which, struct score *score, bool *busy)
{
	struct service *svc = p->svc;
	struct addr peer;
	int fd = pool_accept(p->listeners[which].fd, &peer);
	unsigned others;

	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			clock_sleep_ms(SHORTAGE_MS);
		else if (errno == EINVAL)	/* shut down by mail-master: the port is closed */
			svc->is_leaving = true;
		return;
	}
	if (turn_away(svc, p->listeners[which].name, fd, &peer)) {
		close(fd);
		return;
	}
	/* What the parent knows is a little old, and holds this one only if BUSY was said before. */
	others = pressure_busy(svc->pressure);
	if (*busy && others > 0)
		others--;
	if (!is_said_busy(svc, busy, true))
		_exit(0);
	svc->in_reserve = others >= svc->open_places;
	session_serve(svc, p->session, p->listeners[which].name, score, fd, fd);
	if (score->sessions >= p->sessions_per_worker)
		svc->is_leaving = true;
}

/*
 * Milliseconds to wait for a connection.  A pool that may be filling up is told
 * at once who is idle: the parent refuses when nobody is.
 */
static int
patience(const struct service *svc, bool busy)
{
	if (!busy)
		return -1;
	return pressure_busy(svc->pressure) < svc->open_places / 2 ? LINGER_MS : 0;
}

static void
serve(struct pool *p, struct score *score)
{
	struct service *svc = p->svc;
	int epoll = prepare_wait(p);
	bool busy = false;

	while (!svc->is_leaving) {
		struct epoll_event e;
		int n = epoll_wait(epoll, &e, 1, patience(svc, busy));

		if (n < 0 && errno != EINTR)
			_exit(1);
		if (n == 0) {
			log_flush(svc, true);
			if (svc->rest != NULL)
				svc->rest(svc);
			if (!is_said_busy(svc, &busy, false))
				svc->is_leaving = true;
		}
		if (n <= 0)
			continue;
		if (e.data.u64 < POOL_LISTENERS_MAX)
			(void)notify_read(svc);	/* to leave may have been said before this client came */
		if (e.data.u64 < POOL_LISTENERS_MAX && !svc->is_leaving)
			serve_one(p, e.data.u64, score, &busy);
		else if (e.data.u64 == POOL_LISTENERS_MAX)
			(void)notify_read(svc);
		else
			svc->is_leaving = true;
	}
}

/* What event-log did not take is counted by the parent, which stays. */
PB_NORETURN static void
leave(struct service *svc, struct score *score, int code)
{
	log_flush(svc, true);
	__atomic_store_n(&score->lost_lines, svc->log.lost < UINT32_MAX ? (uint32_t)svc->log.lost : UINT32_MAX, __ATOMIC_RELAXED);
	_exit(code);
}

void
worker_main(struct pool *p, size_t place, int channel)
{
	struct service *svc = p->svc;
	struct score *score = scoreboard_page(p->board, place);

	forget_parent(p, place, channel);
	if (owners_connect_all(svc) != 0)
		leave(svc, score, 1);
	if (svc->worker != NULL)
		svc->worker(svc);
	sandbox_seccomp(svc->role);
	if (!tell(svc, CHANNEL_READY))
		_exit(0);
	serve(p, score);
	leave(svc, score, 0);
}
