/*
 * queue_select: which messages of the queue are meant: the names that a
 * selector (lib/policy/selector.h) may use for them.
 *
 *	sender rcpt	addresses of the envelope ("" for the null reverse-path)
 *	domain		of the sender
 *	dest		domains of the recipients that are still to be served
 *	age size	since it came; of the message
 *	priority attempts status
 *	ip auth		who brought it
 */
#ifndef MAILCTL_QUEUE_SELECT_H
#define MAILCTL_QUEUE_SELECT_H

#include "base/base.h"
#include "policy/selector.h"
#include "queue.h"

struct queue_message {
	struct queue_entry entry;
	struct envelope *env;		/* NULL when it cannot be read: *why tells */
	const char *why;
	uint64_t size;			/* of the .eml */
	uint64_t age;			/* seconds */
};

/* Read envelope and size of an entry; queue_message_free in any case. */
void queue_message_read(const struct ctl *c, const struct queue_entry *e, struct queue_message *out);
void queue_message_free(struct queue_message *m);

/* NULL after a message on standard error. */
struct selector *queue_selector(const char *text);
bool queue_selects(const struct selector *s, const struct queue_message *m);

#endif
