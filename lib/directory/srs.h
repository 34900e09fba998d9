/*
 * srs: the Sender Rewriting Scheme.  Mail that is forwarded goes on with a
 * sender at our own domain, so that SPF of the next host finds us permitted;
 * what comes back to it goes to the sender that it was made from.
 *
 *	SRS0=HASH=DAY=example.org=bob@ours.example	bob@example.org, at the first forwarder
 *	SRS1=HASH=first.example==REST@ours.example	SRS0=REST@first.example, at one behind it
 *
 * HASH is keyed, so nobody else can make such an address and send mail through us by it.
 * DAY ends its life after SRS_DAYS.  Both are in letters that may change their case.
 */
#ifndef DIRECTORY_SRS_H
#define DIRECTORY_SRS_H

#include "base/base.h"
#include "base/buf.h"
#include "base/span.h"

#define SRS_DAYS 21

/*
 * Append the address at `domain` that stands for `sender`; now in seconds since 1970.
 * False when there is none: the local part would be too long, or needs quotes.
 */
bool srs_forward(struct span key, struct span sender, struct span domain, int64_t now, struct buf *out) PB_MUST_CHECK;

/* Append the address that `local` stands for; false when it was not made with this key, or is too old. */
bool srs_reverse(struct span key, struct span local, int64_t now, struct buf *out) PB_MUST_CHECK;

#endif
