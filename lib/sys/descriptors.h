/*
 * descriptors: what a process keeps open when it becomes another.
 */
#ifndef SYS_DESCRIPTORS_H
#define SYS_DESCRIPTORS_H

#include "base/base.h"

/*
 * Close all descriptors above 2 but these n, which are put in order; -1 among
 * them is none.  For a child after fork: O_CLOEXEC does nothing for it.
 */
void descriptors_close_all_but(int *keep, size_t n);

#endif
