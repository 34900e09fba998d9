/*
 * loop: one epoll loop for the event-driven programs.
 *
 * The room lib/io moves bytes: buffered streams with absolute deadlines for
 * sessions, and this loop for mail-master, the owners of state, spool-runner
 * and listener parents.  A loop belongs to one process and one thread; it is
 * made after the last fork of that process.  Callbacks run one at a time, may
 * add and remove anything (also themselves), and must not block.
 */
#ifndef IO_LOOP_H
#define IO_LOOP_H

#include "base/base.h"

struct loop;
struct loop_fd;
struct loop_timer;

/* What loop_fd waits for and what a callback is told. */
enum loop_event {
	LOOP_READ = 1,
	LOOP_WRITE = 2,
	LOOP_HANGUP = 4,	/* told only: the other end is gone, or an error */
	LOOP_EXCLUSIVE = 8	/* asked only: wake one of the processes that wait for this fd */
};

typedef void loop_fd_call(void *ctx, int fd, unsigned events);
typedef void loop_timer_call(void *ctx);
typedef void loop_signal_call(void *ctx, int signo);

/* Dies when the kernel refuses an epoll descriptor. */
struct loop *loop_new(void);
void loop_free(struct loop **l);	/* closes none of the descriptors it watched */

/*
 * Watch fd, which stays the caller's.  NULL with errno when the kernel refuses
 * (EPERM for plain files, ENOSPC at its limit).
 */
struct loop_fd *loop_fd(struct loop *l, int fd, unsigned events, loop_fd_call *call, void *ctx);
void loop_fd_events(struct loop_fd *w, unsigned events);
/* Stop watching; call it before close(fd).  NULL is allowed; *w becomes NULL. */
void loop_fd_drop(struct loop_fd **w);

/*
 * Call once, ms milliseconds from now.  The handle is dead when the callback
 * starts: a timer that repeats makes itself anew.
 */
struct loop_timer *loop_timer(struct loop *l, uint64_t ms, loop_timer_call *call, void *ctx);
void loop_timer_drop(struct loop_timer **t);	/* NULL is allowed; *t becomes NULL */

/* Take a signal out of line (blocked, read by signalfd).  Dies on failure. */
void loop_signal(struct loop *l, int signo, loop_signal_call *call, void *ctx);

/* Runs until loop_stop; can be run again. */
void loop_run(struct loop *l);
void loop_stop(struct loop *l);

#endif
