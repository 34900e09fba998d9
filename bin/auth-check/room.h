/*
 * room: what the look-up socket says of room for mail, and is told of it.
 *
 * The answer to "rcpt" names the room of a mailbox that is nearly full (rooms.h),
 * or that of its domain (spaces.h), whichever is less; of an alias only when all
 * its members are mailboxes that have little.
 *
 * Questions of programs that deliver, each answered "OK ..." or refused:
 *
 *	room BYTES ADDRESS	so much is left in a mailbox (rooms.h)
 *	space BYTES DOMAIN	so much was put into the domain's mailboxes; answer:
 *				the bytes it still takes, 2^64-1 without a limit
 *	space-work X		the counter asks what to do: "count DOMAIN" or
 *				"warn DOMAIN USED LIMIT"; NOTFOUND: nothing
 *	space-user USER@DOMAIN	the next user of the domain after that one (or ""); NOTFOUND: none
 *	space-counted BYTES DOMAIN, space-warned DOMAIN
 *
 * and of smtp-listen as well: space-refused DOMAIN.
 */
#ifndef AUTH_CHECK_ROOM_H
#define AUTH_CHECK_ROOM_H

#include "base/base.h"
#include "base/buf.h"
#include "base/span.h"
#include "directory/board.h"
#include "resolve.h"
#include "rooms.h"
#include "service/service.h"
#include "spaces.h"

struct room {
	struct service *svc;
	struct resolver *rs;
	struct rooms *rooms;
	struct spaces *spaces;
	struct board *board;		/* NULL: there is none */
};

/* True when the question is one of those above: answered in out. */
bool room_question(struct room *r, uid_t uid, struct span question, struct buf *out) PB_MUST_CHECK;

/* Put the room into the answer to "rcpt ..."; what it adds is never kept. */
void room_add(struct room *r, struct span question, struct buf *answer);

#endif
