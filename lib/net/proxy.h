/*
 * proxy: the header that a load balancer sends before the client's first byte,
 * PROXY protocol version 1 (one line of text) and 2 (binary), as HAProxy
 * describes them ("The PROXY protocol", doc/proxy-protocol.txt).
 *
 * Pure.  Who may send one is the caller's affair: the header is believed.
 */
#ifndef NET_PROXY_H
#define NET_PROXY_H

#include "base/base.h"
#include "base/span.h"
#include "net/addr.h"

enum proxy_result {
	PROXY_MORE,		/* good so far, but not whole */
	PROXY_OK,
	PROXY_BAD		/* no header, or one that breaks its grammar */
};

struct proxy_header {
	size_t length;		/* bytes that the header takes */
	bool has_ends;		/* false (LOCAL, UNKNOWN, AF_UNSPEC, a Unix socket): the
				 * connection is the proxy's own */
	struct addr source;	/* the client */
	struct addr destination;	/* where the client connected to */
};

/*
 * Read a header from the first bytes of a connection.  PROXY_BAD also when it
 * is longer than LIMIT_PROXY_HEADER.  *out is set by PROXY_OK only.
 */
enum proxy_result proxy_parse(struct span bytes, struct proxy_header *out) PB_MUST_CHECK;

#endif
