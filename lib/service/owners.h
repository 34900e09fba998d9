/*
 * owners: connections to the programs that own state.
 *
 * Sockets lie in run/pub, which is the working directory of every program, so
 * names are relative and work inside the chroot.  They are bound by
 * mail-master: connecting succeeds also while their program restarts, and
 * waits there.  A connection that ends means "try later": the worker answers
 * 454 or [UNAVAILABLE] and exits.
 */
#ifndef SERVICE_OWNERS_H
#define SERVICE_OWNERS_H

#include "base/base.h"

struct service;

enum owner {
	OWNER_AUTH = 1,		/* stream, Dovecot auth protocol */
	OWNER_LOOKUP = 2,	/* stream, socketmap */
	OWNER_ABUSE = 4,	/* records */
	OWNER_LOG = 8,		/* datagrams; opened by service_warm_up for every program */
	OWNER_INTAKE = 16,	/* records with descriptors */
	OWNER_SCHEDULE = 32,	/* records */
	OWNER_DELIVER = 64,	/* records */
	OWNER_SEND = 128,	/* records with descriptors */
	OWNER_GREYLIST = 256	/* stream, milter */
};
#define OWNERS_MAX 9

/* The connected, close-on-exec descriptor, blocking but for OWNER_ABUSE; a bug when not in the mask. */
int owner_fd(const struct service *svc, enum owner which);

/*
 * Connect to run/pub/NAME with SOCK_STREAM, SOCK_SEQPACKET or SOCK_DGRAM, now.
 * Returns a blocking descriptor of the caller's, or -1 with errno.  With SOCK_NONBLOCK
 * in type neither it nor the connecting waits (EAGAIN: nobody takes connections).
 */
int owner_connect(const struct service *svc, const char *name, int type) PB_MUST_CHECK;

/* True when the other end of any connected owner has gone: a worker then exits. */
bool owners_lost(const struct service *svc);

#endif
