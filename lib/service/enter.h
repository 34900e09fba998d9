/*
 * enter: a worker that has logged somebody in narrows itself to one
 * Maildir: that becomes its only Landlock rule and its working directory, and
 * the second, tighter seccomp filter begins.
 */
#ifndef SERVICE_ENTER_H
#define SERVICE_ENTER_H

#include "base/base.h"

/*
 * mailbox_fd is the O_PATH descriptor that auth-check passed; it stays the
 * caller's.  Returns a descriptor of the same directory that can be read and
 * synced, owned by the caller; the process then reaches nothing else, for
 * good.  -1 with errno: it cannot be entered; the worker must end.
 */
int service_enter_mailbox(int mailbox_fd) PB_MUST_CHECK;

#endif
