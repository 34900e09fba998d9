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
#include "retry.h"
#include "spool/spool.h"

struct bounce_order {
	struct spool_ref ref;		/* the message */
	uint32_t group;			/* of its recipients */
	const char *to;			/* its sender, or postmaster */
	const char *host;		/* in whose name */
	const struct retry_rules *rules;
};

/*
 * Accept the notification.  Returns 0 and *out; also when it had been accepted
 * before.  -1 with errno.
 */
int bounce_send(struct spool *sp, const struct bounce_order *order, struct spool_ref *out) PB_MUST_CHECK;

#endif
