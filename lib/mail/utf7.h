/*
 * utf7: modified UTF-7 of mailbox names (RFC 3501 5.1.3).
 */
#ifndef MAIL_UTF7_H
#define MAIL_UTF7_H

#include "base/base.h"
#include "base/buf.h"
#include "base/span.h"

/*
 * Append the other form.  False when the input is not well formed: decode
 * also refuses what is not the one shortest form (an encoded printable
 * character, "&" runs that could be one), and NUL; encode refuses what is no UTF-8.
 */
bool utf7_decode(struct span utf7, struct buf *utf8) PB_MUST_CHECK;
bool utf7_encode(struct span utf8, struct buf *utf7) PB_MUST_CHECK;

#endif
