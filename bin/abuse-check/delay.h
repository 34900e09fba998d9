/*
 * delay: how long the answer to a failed log-in waits.  Pure.
 */
#ifndef ABUSE_CHECK_DELAY_H
#define ABUSE_CHECK_DELAY_H

#include "base/base.h"

/*
 * Milliseconds before the answer to the failures-th failed log-in of an
 * address: none for the first two, who may have mistyped, then 2, 4, 8 and for
 * all that follow 15 seconds.
 */
uint32_t delay_of_failures(uint32_t failures);

#endif
