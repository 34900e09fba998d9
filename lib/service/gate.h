/*
 * gate: what a listener knows of an address before the first word is said:
 * whether it stands on the whitelist or the blacklist of this service
 * (IPBW-04, IPBW-05, IPBW-08), and whether it is a proxy that speaks for others.
 *
 * Made from the settings before the first fork and never changed; the same for
 * a pool and for one session under inetd.
 */
#ifndef SERVICE_GATE_H
#define SERVICE_GATE_H

#include "base/base.h"
#include "net/addr_set.h"

struct service;
struct session;

enum gate_standing {
	GATE_UNLISTED,
	GATE_WHITE,		/* the whitelist beats the blacklist */
	GATE_BLACK
};

struct gate {
	struct addr_set white, black;
	struct addr_set proxies;	/* setting proxyTrusted */
};

/*
 * Read the lists for a service ("smtp", "pop" or "imap", the flag of their
 * entries) into svc->gate.  After service_settings.
 */
void gate_open(struct service *svc, const char *flag);

enum gate_standing gate_standing_of(const struct gate *g, const struct addr *a);

/*
 * Read the PROXY header of a connection that comes from a trusted proxy, and
 * give the session the client's address.  False: it is to be closed without a
 * word, and the log says why.  True at once for everybody else.
 */
bool gate_pass_proxy(struct session *s) PB_MUST_CHECK;

/*
 * Is this line of a client, each of which is shown here from the first on, a
 * PROXY header (version 1, or the last line of version 2's signature) that nobody
 * may send from there?  Logged if so.
 */
bool gate_is_uninvited_proxy(struct session *s, struct span line);

#endif
