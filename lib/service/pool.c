/*
 * pool: keep enough idle workers, and never wait for one.
 *
 * Invariants:
 * 1. total counts places with a pid; busy those of them that said BUSY;
 *    leaving those not busy that were told to go, or are not to be counted on.
 * 2. The parent watches its listening sockets only while it refuses.
 * 3. Descriptors of the parent alone lie at or above low_fd, so that a worker
 *    closes them by one close_range.
 * 4. A fork that fails, and workers that die before they were ready, make the
 *    next fork wait: 1 s, doubling to 60 s.  Nothing here can spin.
 */
#include "base/base.h"
#include "service/pool.h"
#include "base/die.h"
#include "base/limits.h"
#include "base/mem.h"
#include "service/channel.h"
#include "service/master.h"
#include "service/service_tls.h"
#include "sys/clock.h"
#include "sys/fdpass.h"
#include "sys/heap.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

/* Forks in one go: a burst of connections must not become a burst of forks only. */
#define FORKS_AT_ONCE 16
/* What a worker may leave unread; the kernel makes it some ten messages. */
#define CHANNEL_BYTES 4096

static unsigned
spare(const struct pool *p)
{
	return p->total - p->busy - p->leaving;
}

void
pool_say(struct pool_worker *w, char message)
{
	if (w->channel >= 0)
		(void)!send(w->channel, &message, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void
pool_count_leaving(struct pool_worker *w)
{
	if (w->is_leaving)
		return;
	w->is_leaving = true;
	if (!w->is_busy)
		w->pool->leaving++;
}

static void
close_channel(struct pool_worker *w)
{
	loop_fd_drop(&w->watch);
	if (w->channel >= 0)
		close(w->channel);
	w->channel = -1;
}

static void
on_retry(void *ctx)
{
	struct pool *p = ctx;

	p->retry = NULL;
	pool_maintain(p);
}

static void
wait_to_fork(struct pool *p)
{
	uint64_t ms = 1000ULL << (p->failures < 6 ? p->failures : 6);

	p->failures++;
	if (p->retry == NULL && !p->is_stopping)
		p->retry = loop_timer(p->loop, ms > 60000 ? 60000 : ms, on_retry, p);
}

static void
hear(struct pool_worker *w, const unsigned char *message, int fd)
{
	struct pool *p = w->pool;

	switch (message[0]) {
	case CHANNEL_READY:
		w->is_ready = true;
		p->failures = 0;
		break;
	case CHANNEL_BUSY:
		if (w->is_busy)
			break;
		if (w->is_leaving)
			p->leaving--;
		w->is_busy = true;
		p->busy++;
		p->served++;
		w->served++;
		break;
	case CHANNEL_IDLE:
		if (!w->is_busy)
			break;
		w->is_busy = false;
		p->busy--;
		if (w->is_leaving)
			p->leaving++;
		pool_watch_forget(w);
		break;
	case CHANNEL_WATCH:
		if (fd >= 0)
			pool_watch_add(w, fd);
		break;
	case CHANNEL_FORGET:
		pool_watch_forget(w);
		break;
	case CHANNEL_CONTACT:
		pool_contact_begin(w, message[1], message[2]);
		break;
	case CHANNEL_SEEN:
		w->told_change = false;
		break;
	default:
		break;
	}
}

/* One message of a worker; false when there is none now, or none will come. */
static bool
hear_one(struct pool_worker *w)
{
	int passed[FDPASS_MAX] = { -1, -1 }, count = 1;
	unsigned char message[CHANNEL_MESSAGE_MAX] = { 0 };
	ssize_t n = fdpass_recv(w->channel, message, sizeof(message), passed, &count);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) {		/* it ends; SIGCHLD takes it off the table */
		close_channel(w);
		pool_count_leaving(w);
		return false;
	}
	hear(w, message, count > 0 ? passed[0] : -1);
	if (count > 0)
		close(passed[0]);
	return true;
}

static void
on_channel(void *ctx, int fd, unsigned events)
{
	struct pool_worker *w = ctx;

	(void)fd;
	(void)events;
	(void)hear_one(w);
	pool_maintain(w->pool);
}

static struct pool_worker *
free_place(struct pool *p)
{
	for (unsigned i = 0; i < p->max_total; i++)
		if (p->workers[i].pid == 0)
			return &p->workers[i];
	bug("pool: no free place, total %u of %u", p->total, p->max_total);
}

/* The parent's end lies at or above low_fd; -1 with errno. */
static int
make_channel(struct pool *p, int *child_end)
{
	int ends[2], high, small = CHANNEL_BYTES;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		return -1;
	high = fcntl(ends[0], F_DUPFD_CLOEXEC, p->low_fd);
	if (high < 0) {
		close(ends[1]);
	} else {
		*child_end = ends[1];
		(void)fcntl(high, F_SETFL, O_NONBLOCK);
		(void)setsockopt(high, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	}
	close(ends[0]);
	return high;
}

/* For lines about those whom a worker turns away; a worker that needs more invents them. */
#define TICKETS_TO_TURN_AWAY 32

/* The tickets of one worker, cut from the parent's block. */
static void
give_tickets(struct pool *p, uint64_t *next, uint64_t *end)
{
	struct service *svc = p->svc;
	uint64_t count = (uint64_t)p->sessions_per_worker + TICKETS_TO_TURN_AWAY;

	master_tickets(svc, count);
	*next = svc->ticket_next;
	*end = svc->ticket_next += count;
}

static bool
fork_worker(struct pool *p)
{
	struct pool_worker *w = free_place(p);
	uint64_t next, end;
	int child_end, channel;
	pid_t pid;

	give_tickets(p, &next, &end);
	channel = make_channel(p, &child_end);
	if (channel < 0)
		return false;
	scoreboard_clear(p->board, (size_t)(w - p->workers));
	pid = fork();
	if (pid == 0) {
		p->svc->ticket_next = next;
		p->svc->ticket_end = end;
		worker_main(p, (size_t)(w - p->workers), child_end);
	}
	close(child_end);
	if (pid < 0) {
		close(channel);
		return false;
	}
	*w = (struct pool_worker){ .pool = p, .pid = pid, .channel = channel, .started_ms = clock_ms(),
		.call.fd = -1 };
	p->total++;
	w->watch = loop_fd(p->loop, channel, LOOP_READ, on_channel, w);
	if (w->watch == NULL) {	/* it finds its parent gone, and ends */
		close_channel(w);
		pool_count_leaving(w);
	}
	return true;
}

static void
release_surplus(struct pool *p)
{
	for (unsigned i = p->max_total; i-- > 0 && spare(p) > p->max_spare;) {
		struct pool_worker *w = &p->workers[i];

		if (w->pid == 0 || w->is_busy || w->is_leaving || !w->is_ready)
			continue;
		pool_say(w, CHANNEL_LEAVE);
		pool_count_leaving(w);
	}
}

static void
fork_spares(struct pool *p)
{
	unsigned forked = 0;

	while (spare(p) < p->min_spare && p->total < p->max_total && forked++ < FORKS_AT_ONCE)
		if (!fork_worker(p)) {
			log_failure(p->svc, NULL, NULL, "event=cannot-fork error=%s workers=%u",
				strerrorname_np(errno), p->total);
			wait_to_fork(p);
			return;
		}
	if (spare(p) < p->min_spare && p->total < p->max_total)
		p->retry = loop_timer(p->loop, 1, on_retry, p);
}

void
pool_maintain(struct pool *p)
{
	if (p->is_stopping) {
		if (p->total == 0)
			loop_stop(p->loop);
		return;
	}
	pool_pressure_update(p);
	if (p->retry == NULL)
		fork_spares(p);
	release_surplus(p);
	pool_refuse(p, spare(p) == 0 && (p->busy >= p->max_total || p->failures > 0));
}

static void
bury(struct pool_worker *w, int status)
{
	struct pool *p = w->pool;

	if (WIFSIGNALED(status))
		log_failure(p->svc, NULL, NULL, "event=worker-killed pid=%d signal=%d", (int)w->pid, WTERMSIG(status));
	/* A session may be so short that SIGCHLD is seen before what the worker said. */
	while (w->channel >= 0 && hear_one(w))
		;
	if (!w->is_ready && !p->is_stopping)
		wait_to_fork(p);
	pool_watch_forget(w);
	pool_contact_drop(w);
	close_channel(w);
	if (w->is_busy)
		p->busy--;
	else if (w->is_leaving)
		p->leaving--;
	p->total--;
	log_add_lost(p->svc, scoreboard_lost_lines(p->board, (size_t)(w - p->workers)));
	scoreboard_clear(p->board, (size_t)(w - p->workers));
	w->pid = 0;
}

static void
on_child(void *ctx, int signo)
{
	struct pool *p = ctx;
	int status;
	pid_t pid;

	(void)signo;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (unsigned i = 0; i < p->max_total; i++)
			if (p->workers[i].pid == pid) {
				bury(&p->workers[i], status);
				break;
			}
	pool_maintain(p);
}

static void
read_sizes(struct pool *p)
{
	const struct service_pool *want = &p->svc->pool;

	p->max_total = want->max_total == 0 || want->max_total > LIMIT_POOL_WORKERS
		? LIMIT_POOL_WORKERS : want->max_total;
	p->min_spare = want->min_spare == 0 ? 2 : want->min_spare;
	p->max_spare = want->max_spare == 0 ? 8 : want->max_spare;
	if (p->min_spare > p->max_total)
		p->min_spare = p->max_total;
	if (p->max_spare < p->min_spare)
		p->max_spare = p->min_spare;
	p->sessions_per_worker = want->sessions_per_worker == 0 ? 1 : want->sessions_per_worker;
}

int
pool_run(struct service *svc, session_call *session,
	const struct pool_listener *listeners, size_t count)
{
	struct pool *p = mem_new(sizeof(*p));

	*p = (struct pool){ .svc = svc, .session = session, .listener_count = count, .inotify_fd = -1 };
	read_sizes(p);
	p->workers = mem_array(p->max_total, sizeof(*p->workers));
	p->board = scoreboard_new(p->max_total);
	for (size_t i = 0; i < count; i++) {
		p->listeners[i] = listeners[i];
		p->listeners[i].pool = p;
		(void)fcntl(listeners[i].fd, F_SETFL, O_NONBLOCK);
	}
	pool_split_descriptors(p);
	svc->loop = p->loop;
	loop_signal(p->loop, SIGCHLD, on_child, p);
	pool_stop_attach(p);
	pool_pressure_start(p);
	pool_watch_start(p);
	pool_control_start(p);
	service_tls_tend(svc);
	sandbox_seccomp(contacts_need_tcp(svc) ? SANDBOX_CONNECTOR : SANDBOX_LISTENER);
	sandbox_warm_up(svc->role);
	if (!master_first_tickets(svc))
		return EXIT_DONE;
	heap_settle();
	pool_maintain(p);
	if (master_tell(svc, "ready") != 0)
		die(EXIT_TRY_LATER, "mail-master is gone");
	loop_run(p->loop);
	log_flush(svc, true);
	return EXIT_DONE;
}
