/*
 * notify: a session learns that a mailbox changed, without holding an inotify
 * instance of its own: the listener parent watches for all its sessions and
 * sends a byte.
 *
 * For IMAP IDLE: wait with stream_wait(&s->io, notify_fd(s->svc), &ready), then
 * call notify_read.  Under inetd, or when the kernel has no watch left,
 * notify_watch returns -1 and the session polls.
 */
#ifndef SERVICE_NOTIFY_H
#define SERVICE_NOTIFY_H

#include "base/base.h"

struct service;

enum notify_event {
	NOTIFY_NOTHING,		/* only something that concerns lib/service */
	NOTIFY_CHANGED,		/* "new" or "cur" of a watched folder changed */
	NOTIFY_POLL,		/* a watch could not be set: poll */
	NOTIFY_STOP		/* the server is going down: say good-bye soon */
};

/*
 * Watch the folders "new" and "cur" below dirfd (which stays the caller's) in
 * addition to those watched already, at most LIMIT_SESSION_WATCHES.
 * Returns 0, or -1 with errno when the session has to poll.
 */
int notify_watch(struct service *svc, int dirfd);
/* Forget all that this session watches. */
void notify_forget(struct service *svc);

/* Readable when notify_read has something to tell; -1 under inetd. */
int notify_fd(const struct service *svc);
/* Never blocks. */
enum notify_event notify_read(struct service *svc);
/* What a message of the parent's channel means, NUL for its end: for lib/service. */
enum notify_event notify_take(struct service *svc, char message);

#endif
