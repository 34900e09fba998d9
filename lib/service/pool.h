/*
 * pool: the pre-forked workers of a listener, as the parent sees them.
 * Private to lib/service.
 *
 * The parent holds the listening sockets but accepts only to refuse: when all
 * workers that may exist are busy, or none can be forked.  Workers wait for
 * connections themselves, each with an epoll of its own and EPOLLEXCLUSIVE, so
 * that one connection wakes one worker.
 */
#ifndef SERVICE_POOL_H
#define SERVICE_POOL_H

#include "base/base.h"
#include "base/limits.h"
#include "io/loop.h"
#include "service/control.h"
#include "service/scoreboard.h"
#include "service/service.h"

/* Ports on all addresses together, as many as mail-master opens for all programs. */
#define POOL_LISTENERS_MAX 66

/* Parent to worker: end the wait for a command (session_crowd.c). */
#define SESSION_END_SIGNAL SIGUSR1

struct idle;

struct pool_listener {
	const char *name;		/* "smtp", "unix.smtp" */
	int fd;
	struct loop_fd *watch;		/* while the parent refuses */
	struct pool *pool;
};

/* A connection to a contact in the making. */
struct pool_call {
	int fd;				/* -1: none */
	struct loop_fd *watch;
	struct loop_timer *timer;
	uint64_t deadline;		/* clock_ms */
	unsigned char which, number;	/* as the worker gave them */
};

struct pool_worker {
	struct pool *pool;
	pid_t pid;			/* 0: free place */
	int channel;			/* -1 when it has gone */
	struct loop_fd *watch;
	bool is_ready;			/* confined, has asked for its first connection */
	bool is_busy;
	bool is_leaving;		/* was told to take no further connection */
	bool told_change;		/* CHANNEL_CHANGED sent, not yet seen */
	unsigned served;
	uint64_t started_ms;		/* clock_ms */
	int watches[2 * LIMIT_SESSION_WATCHES];	/* inotify descriptors */
	unsigned watch_count;
	struct pool_call call;
};

struct pool {
	struct service *svc;
	session_call *session;
	struct loop *loop;
	struct pool_listener listeners[POOL_LISTENERS_MAX];
	size_t listener_count;
	unsigned min_spare, max_spare, max_total, sessions_per_worker;
	struct scoreboard *board;
	struct pool_worker *workers;	/* max_total of them */
	unsigned total, busy, leaving;	/* leaving: idle, but told to go */
	int low_fd;			/* all descriptors of the parent alone are at or above it */
	int channel_slot;		/* where a worker keeps its channel: low_fd - 1 */
	int reserve_fd;			/* closed to accept and refuse when descriptors are out */
	int inotify_fd;			/* -1: none could be had */
	struct control *control;
	struct loop_timer *retry;	/* after a fork that failed */
	struct loop_timer *hurry;	/* end of patience when stopping */
	unsigned failures;		/* forks that failed, or workers that died young, in a row */
	bool is_stopping;
	uint64_t served, refused;
	struct loop_timer *look;	/* pool_pressure.c: the next look for idle sessions */
	struct idle *idle;		/* room for max_total */
	bool was_crowded;
};

/* Fork until there are min_spare idle workers, or ask surplus ones to leave. */
void pool_maintain(struct pool *p);

/* One message to a worker, without waiting; and: it is not to be counted as spare. */
void pool_say(struct pool_worker *w, char message);
void pool_count_leaving(struct pool_worker *w);

/* pool_fds.c: find low_fd, make the loop and the reserve above it. */
void pool_split_descriptors(struct pool *p);
/* Who connected, and from where (AF_UNIX: over a socket of this machine); -1 with errno. */
int pool_accept(int listener, struct addr *peer);

/* pool_refuse.c: refuse connections, or leave them to the workers again. */
void pool_refuse(struct pool *p, bool refuse);
void pool_keep_reserve(struct pool *p);

/* pool_pressure.c: before the first fork; and after every change of busy. */
void pool_pressure_start(struct pool *p);
void pool_pressure_update(struct pool *p);

/* pool_stop.c: SIGTERM, SIGINT and what mail-master says. */
void pool_stop_attach(struct pool *p);

/* pool_watch.c: the inotify of all sessions. */
void pool_watch_start(struct pool *p);
void pool_watch_add(struct pool_worker *w, int dirfd);
void pool_watch_forget(struct pool_worker *w);

/* pool_contact.c: connect for a worker; forget about it. */
void pool_contact_begin(struct pool_worker *w, unsigned char which, unsigned char number);
void pool_contact_drop(struct pool_worker *w);

/* pool_control.c: run/pub/ctl-NAME. */
void pool_control_start(struct pool *p);

/* worker.c: the child's whole life. */
PB_NORETURN void worker_main(struct pool *p, size_t place, int channel);

/* session_crowd.c: in a worker after fork; and at the begin of each session. */
void session_crowd_begin(void);
void session_crowd_new(struct session *s);

/* turn_away.c: true when the peer is blocked: it heard so, and fd is to be closed. */
bool turn_away(struct service *svc, const char *listener, int fd, const struct addr *peer);

/* session.c: one connection from begin to end. */
void session_serve(struct service *svc, session_call *call, const char *listener, struct score *score,
	int fd_in, int fd_out);

/* pool.c: serve until told to stop; the exit code. */
int pool_run(struct service *svc, session_call *session,
	const struct pool_listener *listeners, size_t count);

#endif
