/*
 * received: who handed a message over, as the server wrote it that took it
 * (the From-domain clause of a Received field, RFC 5321 4.4).
 *
 * Pure.  The client's own claims stand in the same clause: what it said in
 * HELO is never taken for its address.
 */
#ifndef MAIL_RECEIVED_H
#define MAIL_RECEIVED_H

#include "base/base.h"
#include "base/span.h"

enum received_from {
	RECEIVED_FROM_ADDRESS,
	RECEIVED_FROM_NOBODY,		/* no From clause: the message was made, or handled, on that host */
	RECEIVED_FROM_UNKNOWN		/* a From clause without an address */
};

/*
 * Look at the value of one Received field.  *ip gets the text of an IPv4 or IPv6
 * address, without brackets and tag, within value; SPAN_NONE unless
 * RECEIVED_FROM_ADDRESS.
 */
enum received_from received_client(struct span value, struct span *ip);

/* The name that this client gave in HELO or EHLO, within value; SPAN_NONE without a From clause. */
struct span received_helo(struct span value);

#endif
