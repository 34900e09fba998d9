/*
 * notify: the session's side; the parent's is pool_watch.c.
 */
#include "base/base.h"
#include "service/notify.h"
#include "service/channel.h"
#include "service/service.h"
#include "sys/fdpass.h"

#include <errno.h>
#include <sys/socket.h>

int
notify_watch(struct service *svc, int dirfd)
{
	char message = CHANNEL_WATCH;

	if (svc->channel < 0) {
		errno = ENOSYS;
		return -1;
	}
	return fdpass_send(svc->channel, &message, 1, &dirfd, 1) == 1 ? 0 : -1;
}

void
notify_forget(struct service *svc)
{
	char message = CHANNEL_FORGET;

	if (svc->channel >= 0)
		(void)!send(svc->channel, &message, 1, MSG_NOSIGNAL);
}

int
notify_fd(const struct service *svc)
{
	return svc->channel;
}

enum notify_event
notify_take(struct service *svc, char message)
{
	char seen = CHANNEL_SEEN;

	switch (message) {
	case '\0':		/* the parent is gone: nobody watches any more */
		svc->is_leaving = true;
		close(svc->channel);
		svc->channel = -1;
		return NOTIFY_STOP;
	case CHANNEL_CHANGED:
		(void)!send(svc->channel, &seen, 1, MSG_NOSIGNAL);
		return NOTIFY_CHANGED;
	case CHANNEL_POLL:
		return NOTIFY_POLL;
	case CHANNEL_STOP:
		svc->is_leaving = true;
		return NOTIFY_STOP;
	case CHANNEL_LEAVE:
		svc->is_leaving = true;
		return NOTIFY_NOTHING;
	default:
		return NOTIFY_NOTHING;
	}
}

enum notify_event
notify_read(struct service *svc)
{
	char message = '\0';
	ssize_t n = recv(svc->channel, &message, 1, MSG_DONTWAIT);

	if (n < 0 && errno == EAGAIN)
		return NOTIFY_NOTHING;
	return notify_take(svc, n == 1 ? message : '\0');
}
