/*
 * connect: connections to others.  Descriptors are close-on-exec.
 */
#ifndef NET_CONNECT_H
#define NET_CONNECT_H

#include "base/base.h"
#include "net/addr.h"

/*
 * A TCP connection to `to`, from the address `from` unless NULL (its port is
 * ignored), waiting until the absolute deadline (clock_ms).  The socket is
 * non-blocking.  -1 with errno, ETIMEDOUT at the deadline.
 */
int connect_tcp(const struct addr *to, const struct addr *from, uint64_t deadline);

/*
 * To the Unix socket `name` relative to the working directory; type as for
 * socket(2); with SOCK_NONBLOCK in it neither the descriptor nor the connecting
 * waits (EAGAIN: nobody takes connections).  -1 with errno.
 */
int connect_unix(const char *name, int type);

#endif
