/* postmaster: who gets the server's mail for postmaster must be somebody here (GEN-02). */
#ifndef MAILCTL_POSTMASTER_H
#define MAILCTL_POSTMASTER_H

#include "base/base.h"
#include "ctl.h"

/*
 * Is the address, in any letter case, that of a user or an alias of ours?  False with the
 * reason in why: one line, which says what to do.
 */
bool postmaster_is_good(const struct ctl *c, const char *address, char *why, size_t size) PB_MUST_CHECK;

#endif
