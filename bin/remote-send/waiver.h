/*
 * waiver: does the sender rather want a message delivered than protected?  Its header
 * says so by "TLS-Required: No" (RFC 8689 5).
 */
#ifndef REMOTE_SEND_WAIVER_H
#define REMOTE_SEND_WAIVER_H

#include "base/base.h"
#include "base/span.h"

/* head: the start of the message, as much as a header section may be. */
bool waiver_stands_in(struct span head);

/* The same of a descriptor; a message that cannot be read waives nothing. */
bool waiver_read(int fd);

#endif
