/*
 * bounce: tell the sender what could not be delivered (RFC 3464).
 *
 * The notification is a message of its own, accepted through the spool like
 * any other.  Its id is derived from the original's and the group of
 * recipients, so that a repeat after a crash finds it.
 */
#ifndef SPOOL_RUNNER_BOUNCE_H
#define SPOOL_RUNNER_BOUNCE_H

#include "base/base.h"
#include "spool/spool.h"

/*
 * Accept the notification for group `group` of the message, to the address
 * `to`, in the name of `host`.  Returns 0 and *out; also when it had been
 * accepted before.  -1 with errno.
 */
int bounce_send(struct spool *sp, struct spool_ref ref, uint32_t group, const char *to,
	const char *host, struct spool_ref *out) PB_MUST_CHECK;

#endif
