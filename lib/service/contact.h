/*
 * contact: programs that the sessions of a listener talk to besides the
 * owners of state: milters and policy servers, perhaps on other hosts.
 *
 * A session has no right to connect: with it, it could also end the listening
 * socket that it shares with all others (connect to AF_UNSPEC).  So it asks its
 * parent, which connects in its own loop without ever waiting, and passes the
 * descriptor.  The parent connects only to what the settings named before any
 * byte from outside was read; a session chooses among these by number.
 *
 * Under inetd and its kind there is no parent and no shared socket.  There all
 * contacts are connected before seccomp takes the right away, at once for the
 * whole session: a contact that was down then, or is lost later, stays away.
 */
#ifndef SERVICE_CONTACT_H
#define SERVICE_CONTACT_H

#include "base/base.h"
#include "net/endpoint.h"

#define CONTACTS_MAX 48		/* more than the lists in settings.def hold together */

struct service;

struct contact {
	struct endpoint endpoint;
	uint64_t timeout_ms;		/* longest wait for a connection */
	int fd;				/* single session: connected and not yet asked for; else -1 */
};

/*
 * Name a contact, before service_confine: `where` as in endpoint.h, copied.  Returns
 * its number, which is good as long as the process, or -1 when `where` has
 * another form.  More than CONTACTS_MAX are a bug.
 */
int contact_add(struct service *svc, const char *where, uint64_t timeout_ms) PB_MUST_CHECK;

/*
 * A new connection to a contact: a non-blocking descriptor of the caller's,
 * or -1 with errno (ETIMEDOUT after its timeout).  For sessions.
 */
int contact_connect(struct service *svc, int which) PB_MUST_CHECK;

/* -- for lib/service only -- */

bool contacts_need_tcp(const struct service *svc);
bool contacts_are_outside(const struct service *svc);	/* some lie outside run/pub */
/* endpoint_start from where its path begins, and back to run/pub. */
int contact_start(struct service *svc, const struct contact *c, bool *pending) PB_MUST_CHECK;
/* Single session: connect to all, in LIMIT_CONTACTS_MS together. */
void contacts_connect_all(struct service *svc);

#endif
