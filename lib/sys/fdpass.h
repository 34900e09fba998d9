/*
 * fdpass: text with descriptors over a Unix socket (SCM_RIGHTS).
 */
#ifndef SYS_FDPASS_H
#define SYS_FDPASS_H

#include "base/base.h"

#define FDPASS_MAX 2		/* descriptors in one message */

/*
 * Send n bytes (at least 1) and nfds descriptors, which stay the caller's.
 * Returns the bytes sent, which on SOCK_STREAM may be fewer, or -1 with errno
 * (EAGAIN on a non-blocking socket).  Never raises SIGPIPE.
 */
ssize_t fdpass_send(int sock, const void *data, size_t n, const int *fds, int nfds);

/*
 * Receive up to size bytes.  *nfds: in, how many descriptors are expected at
 * most (up to FDPASS_MAX); out, how many came into fds, owned by the caller,
 * close-on-exec.  Surplus descriptors are closed, and those of a message
 * without text; the message then counts as hostile and the call fails with
 * EPROTO, as it does with EMSGSIZE when the message was longer than size.  Returns 0 at the end, -1 with errno.
 */
ssize_t fdpass_recv(int sock, void *data, size_t size, int *fds, int *nfds);

#endif
