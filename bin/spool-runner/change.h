/*
 * change: what an administrator changes about a message of the queue.
 *
 *	hold, release	no attempt is made until it is released
 *	priority	1 to 10, instead of what rules gave it
 *	redirect	its open recipients, or those of one domain, go to the same
 *			local part at another domain, and begin anew there
 *
 * A change is a line of the envelope, durable before the queue follows it.  A
 * message that is being delivered gets it when that attempt has ended, if it is
 * still there.
 */
#ifndef SPOOL_RUNNER_CHANGE_H
#define SPOOL_RUNNER_CHANGE_H

#include "base/base.h"
#include "base/buf.h"
#include "base/record.h"
#include "schedule.h"

/* Requests (lib/spool/control.h); the answer tells how many messages will be changed. */
void change_hold(struct schedule *s, const struct record *r, struct buf *answer);
void change_release(struct schedule *s, const struct record *r, struct buf *answer);
void change_priority(struct schedule *s, const struct record *r, struct buf *answer);
void change_redirect(struct schedule *s, const struct record *r, struct buf *answer);

/* Begin those that can be made now. */
void change_pump(struct schedule *s);

#endif
