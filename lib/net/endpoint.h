/*
 * endpoint: where another program listens, as settings and milters write it,
 * and a connection to it that never waits.
 *
 *	unix:NAME		a Unix socket in the working directory (run/pub)
 *	unix:/PATH		a Unix socket elsewhere; both are visible ASCII
 *	records:NAME		the same, for records (SOCK_SEQPACKET): a program of ours
 *	inet:PORT@ADDRESS	TCP, an IPv4 or IPv6 address (no host names: nobody here may wait for DNS)
 *	inet6:PORT@ADDRESS	TCP, an IPv6 address
 */
#ifndef NET_ENDPOINT_H
#define NET_ENDPOINT_H

#include "base/base.h"
#include "base/span.h"
#include "net/addr.h"

/* sun_path of Linux, with the NUL that we end it with. */
#define ENDPOINT_PATH_MAX 108

struct endpoint {
	int family;			/* AF_UNIX, AF_INET, AF_INET6 */
	struct addr addr;		/* of the last two */
	bool is_records;		/* SOCK_SEQPACKET */
	bool is_outside;		/* path is relative to "/", not to run/pub */
	char path[ENDPOINT_PATH_MAX];	/* without a leading "/" */
};

bool endpoint_parse(struct span text, struct endpoint *out) PB_MUST_CHECK;

/*
 * Begin to connect; the working directory must be the one that path is
 * relative to.  Returns a non-blocking descriptor of the caller's: with
 * *pending the connection stands or fails when it becomes writable
 * (endpoint_error).  -1 with errno; EAGAIN: its queue is full, try again soon.
 */
int endpoint_start(const struct endpoint *e, bool *pending) PB_MUST_CHECK;

/* 0, or the errno with which a pending connection failed. */
int endpoint_error(int fd) PB_MUST_CHECK;

#endif
