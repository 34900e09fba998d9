/*
 * listen: sockets that wait for connections.  All are close-on-exec and
 * non-blocking.  Functions return the descriptor, or -1 with errno.
 */
#ifndef NET_LISTEN_H
#define NET_LISTEN_H

#include "base/base.h"
#include "net/addr.h"

/* SO_REUSEADDR; IPv6 sockets take IPv6 only.  Port 0 picks one: see addr_of_local. */
int listen_tcp(const struct addr *a, int backlog);

/*
 * type: SOCK_STREAM, SOCK_SEQPACKET or SOCK_DGRAM.  The socket is made as `name`
 * (no "/") in the directory with that mode, replacing a socket left behind by
 * a dead process; anything else of that name gives EEXIST.
 */
int listen_unix(int dirfd, const char *name, int type, mode_t mode, int backlog);

#endif
