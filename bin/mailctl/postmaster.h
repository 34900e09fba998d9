/* postmaster: who gets the server's mail for postmaster must be somebody here (GEN-02). */
#ifndef MAILCTL_POSTMASTER_H
#define MAILCTL_POSTMASTER_H

#include "base/base.h"
#include "ctl.h"

/*
 * Is the address, in any letter case, that of a user or an alias of ours, and enabled?  False with the
 * reason in why: one line, which says what to do.
 */
bool postmaster_is_good(const struct ctl *c, const char *address, char *why, size_t size) PB_MUST_CHECK;

/* After an address or a domain was changed or deleted: a warning when postmasterMailbox is
 * it, or at it, and no good any more. */
void postmaster_warn(const struct ctl *c, const char *changed);

#endif
