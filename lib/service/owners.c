/*
 * owners: connect by name relative to run/pub, the working directory.
 */
#include "base/base.h"
#include "service/owners.h"
#include "base/die.h"
#include "net/connect.h"
#include "service/owners_private.h"
#include "service/service.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

/* What is optional is looked for without waiting, and missed without harm. */
static const struct {
	enum owner which;
	const char *name;
	int type;
	bool is_optional;
} table[OWNERS_MAX] = {
	{ OWNER_AUTH, "auth", SOCK_STREAM, false },
	{ OWNER_LOOKUP, "lookup", SOCK_STREAM, false },
	{ OWNER_ABUSE, "abuse", SOCK_SEQPACKET, true },
	{ OWNER_LOG, "log", SOCK_DGRAM, false },
	{ OWNER_INTAKE, "intake", SOCK_SEQPACKET, false },
	{ OWNER_SCHEDULE, "schedule", SOCK_SEQPACKET, false },
	{ OWNER_DELIVER, "deliver", SOCK_SEQPACKET, false },
	{ OWNER_SEND, "send", SOCK_SEQPACKET, false },
	{ OWNER_GREYLIST, "greylist", SOCK_STREAM, false },
};

int
owner_connect(const struct service *svc, const char *name, int type)
{
	(void)svc;	/* which has made run/pub the working directory */
	return connect_unix(name, type);
}

int
owner_fd(const struct service *svc, enum owner which)
{
	for (size_t i = 0; i < OWNERS_MAX; i++)
		if (table[i].which == which && (svc->owner_fds[i] >= 0 || table[i].is_optional))
			return svc->owner_fds[i];
	bug("owner %d is not connected", (int)which);
}

int
owners_connect_all(struct service *svc)
{
	for (size_t i = 0; i < OWNERS_MAX; i++) {
		if (!(svc->owner_mask & table[i].which) || table[i].which == OWNER_LOG)
			continue;
		svc->owner_fds[i] = owner_connect(svc, table[i].name,
			table[i].type | (table[i].is_optional ? SOCK_NONBLOCK : 0));
		if (svc->owner_fds[i] >= 0)
			continue;
		log_failure(svc, NULL, NULL, "event=owner-missing name=%s error=%s",
			table[i].name, strerrorname_np(errno));
		if (!table[i].is_optional)
			return -1;
	}
	return 0;
}

bool
owners_lost(const struct service *svc)
{
	struct pollfd p[OWNERS_MAX];
	int ready;

	/* A descriptor of -1 is passed over by poll. */
	for (size_t i = 0; i < OWNERS_MAX; i++)
		p[i] = (struct pollfd){ .fd = svc->owner_fds[i], .events = POLLRDHUP };
	ready = poll(p, OWNERS_MAX, 0);
	for (size_t i = 0; ready > 0 && i < OWNERS_MAX; i++)
		if (p[i].revents & (POLLHUP | POLLRDHUP | POLLERR))
			return true;
	return false;
}
