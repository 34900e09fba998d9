/*
 * peer: who is at the other end of a Unix socket, as the kernel tells.
 */
#ifndef SYS_PEER_H
#define SYS_PEER_H

#include "base/base.h"
#include <sys/socket.h>

/* 0 and *out (pid, uid, gid at the time of connect), or -1 with errno. */
int peer_cred(int sock, struct ucred *out) PB_MUST_CHECK;

/* True when the peer's uid is root's or one of uids[0..n). */
bool peer_is_allowed(int sock, const uid_t *uids, size_t n) PB_MUST_CHECK;

#endif
