/*
 * mailbox: where the Maildir of an address lies.  Pure.
 */
#ifndef LOCAL_DELIVER_MAILBOX_H
#define LOCAL_DELIVER_MAILBOX_H

#include "base/base.h"
#include "base/limits.h"
#include "base/span.h"

#define MAILBOX_PATH_SIZE (LIMIT_ADDRESS + 64)

/*
 * "DOMAIN/users/USER/Maildir" for a canonical address.  False when a part is
 * no plain folder name: empty, hidden, too long, with "/" or control bytes.
 * Whether the folders on the way are plain ones is for openat2 to say.
 */
bool mailbox_path(struct span address, char out[MAILBOX_PATH_SIZE]) PB_MUST_CHECK;

#endif
