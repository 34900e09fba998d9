/*
 * pool_watch: one inotify instance for all sessions of a listener.
 *
 * A session passes the descriptor of a mail folder; the parent goes there by
 * fchdir, watches "new" and "cur" and comes back: no path is involved, so this
 * works from inside the chroot.  A folder watched by several sessions has one
 * kernel watch.  Trust: the session decides only about folders that it has
 * open already, and about nobody else's watches.
 */
#include "base/base.h"
#include "service/channel.h"
#include "service/pool.h"

#include <errno.h>
#include <limits.h>
#include <sys/inotify.h>
#include <sys/socket.h>

#define CHANGES (IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ONLYDIR)

static bool
has_watch(const struct pool_worker *w, int wd)
{
	for (unsigned i = 0; i < w->watch_count; i++)
		if (w->watches[i] == wd)
			return true;
	return false;
}

/* A session that does not read gets no second byte before it has read the first. */
static void
tell_change(struct pool_worker *w)
{
	char message = CHANNEL_CHANGED;

	if (w->told_change || w->channel < 0)
		return;
	w->told_change = send(w->channel, &message, 1, MSG_DONTWAIT | MSG_NOSIGNAL) == 1;
}

static void
tell_watchers(struct pool *p, int wd, bool all)
{
	for (unsigned i = 0; i < p->max_total; i++) {
		struct pool_worker *w = &p->workers[i];

		if (w->pid != 0 && w->watch_count > 0 && (all || has_watch(w, wd)))
			tell_change(w);
	}
}

static void
on_inotify(void *ctx, int fd, unsigned events)
{
	_Alignas(struct inotify_event) char space[8192];
	ssize_t n = read(fd, space, sizeof(space));

	(void)events;
	for (ssize_t at = 0; n - at >= (ssize_t)sizeof(struct inotify_event);) {
		const struct inotify_event *e = (const void *)(space + at);

		tell_watchers(ctx, e->wd, (e->mask & IN_Q_OVERFLOW) != 0);
		at += (ssize_t)(sizeof(*e) + e->len);
	}
}

void
pool_watch_start(struct pool *p)
{
	p->inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (p->inotify_fd < 0) {
		log_failure(p->svc, NULL, NULL, "event=no-inotify error=%s", strerrorname_np(errno));
		return;
	}
	if (loop_fd(p->loop, p->inotify_fd, LOOP_READ, on_inotify, p) == NULL) {
		close(p->inotify_fd);
		p->inotify_fd = -1;
	}
}

static bool
watch_folder(struct pool_worker *w, const char *name)
{
	int wd;

	if (w->watch_count == PB_COUNT(w->watches))
		return false;
	wd = inotify_add_watch(w->pool->inotify_fd, name, CHANGES);
	if (wd < 0)
		return false;
	if (!has_watch(w, wd))
		w->watches[w->watch_count++] = wd;
	return true;
}

void
pool_watch_add(struct pool_worker *w, int dirfd)
{
	struct pool *p = w->pool;
	char message = CHANNEL_POLL;
	bool good = p->inotify_fd >= 0 && fchdir(dirfd) == 0;

	good = good && watch_folder(w, "new") && watch_folder(w, "cur");
	if (fchdir(p->svc->pub_fd) != 0)
		log_failure(p->svc, NULL, NULL, "event=no-way-back error=%s", strerrorname_np(errno));
	if (!good)
		(void)!send(w->channel, &message, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Drop the kernel's watches that no other session needs. */
void
pool_watch_forget(struct pool_worker *w)
{
	while (w->watch_count > 0) {
		int wd = w->watches[--w->watch_count];
		bool needed = false;

		for (unsigned i = 0; i < w->pool->max_total && !needed; i++)
			needed = w->pool->workers[i].pid != 0 && has_watch(&w->pool->workers[i], wd);
		if (!needed)
			(void)inotify_rm_watch(w->pool->inotify_fd, wd);
	}
	w->told_change = false;
}
