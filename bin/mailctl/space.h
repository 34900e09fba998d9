/* space: how much mail a domain holds, as the running server knows. */
#ifndef MAILCTL_SPACE_H
#define MAILCTL_SPACE_H

#include "base/base.h"
#include "ctl.h"

/* Bytes; false, without a message, when the server does not run or has not counted it yet. */
bool space_used(const struct ctl *c, const char *domain, uint64_t *bytes_out) PB_MUST_CHECK;

#endif
