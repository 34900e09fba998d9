/*
 * dkim: keys of a domain that signs, for mailctl check.
 */
#ifndef MAILCTL_DKIM_H
#define MAILCTL_DKIM_H

#include "base/base.h"
#include "account.h"
#include "base/buf.h"

/*
 * Can the keys be used by which the domain signs?  A line "PATH: TEXT" for each that
 * cannot; none when it does not sign.  st are its settings.
 */
void dkim_check(const struct domain *d, const struct settings *st, struct buf *errors);

#endif
