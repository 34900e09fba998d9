/*
 * returning: senders of forwarded mail (directory/srs.h), for lookup.h.
 *
 *	srs DOMAIN SENDER	the sender with which an alias at that domain passes mail on
 *				-> OK ADDRESS; NOTFOUND: as it is.  For who sends mail.
 *	rcpt, expand		of such an address: an alias for the sender that it was made from
 */
#ifndef AUTH_CHECK_RETURNING_H
#define AUTH_CHECK_RETURNING_H

#include "base/base.h"
#include "base/buf.h"
#include "base/span.h"
#include "resolve.h"
#include "service/service.h"

struct returning {
	struct service *svc;
	struct resolver *rs;
	unsigned char pepper[32];
	struct span key;
};

/* The key is setting srsSecret, or one of this server's own. */
void returning_init(struct returning *r, struct service *svc, struct resolver *rs);

/* True when the question is one of those above: answered in out. */
bool returning_question(struct returning *r, uid_t uid, struct span question, struct buf *out) PB_MUST_CHECK;

#endif
