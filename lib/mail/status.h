/*
 * status: enhanced status codes in plain words (RFC 3463, and those that were
 * registered later: RFC 4954, 5248, 6531, 7505, 8461 and others).
 */
#ifndef MAIL_STATUS_H
#define MAIL_STATUS_H

#include "base/base.h"
#include "base/span.h"

/*
 * "the mailbox does not exist" for "5.1.1" and "4.1.1"; the class is left to
 * the caller.  A detail that is not known is told by its subject; NULL for
 * what is no status code.
 */
const char *status_words(struct span status);

#endif
