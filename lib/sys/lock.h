/*
 * lock: one writer at a time, by an open-file-description lock (F_OFD_SETLK).
 *
 * The lock belongs to the descriptor and what was forked or passed from it; it
 * is gone when the last copy is closed, so kill -9 leaves none behind.
 */
#ifndef SYS_LOCK_H
#define SYS_LOCK_H

#include "base/base.h"

/*
 * Lock name in dirfd exclusively; the file is made (0600) when absent and is
 * never removed.  Returns the descriptor that holds the lock: close it to
 * unlock.  -1 with EAGAIN when another has it and wait is false.
 */
int lock_file(int dirfd, const char *name, bool wait) PB_MUST_CHECK;

#endif
