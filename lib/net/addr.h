/*
 * The room lib/net: addresses, listening, connecting, TLS and DNS.
 *
 * addr: an IP address with a port.  An IPv4 address mapped into IPv6
 * (::ffff:a.b.c.d) always becomes IPv4, so that one rule matches one host.
 */
#ifndef NET_ADDR_H
#define NET_ADDR_H

#include "base/base.h"
#include "base/buf.h"
#include "base/span.h"
#include <netinet/in.h>
#include <sys/socket.h>

/* "[" 45 characters of IPv6 "]:65535" and NUL */
#define ADDR_TEXT_MAX 56

struct addr {
	int family;		/* AF_INET, AF_INET6; AF_UNIX: a local caller without address; 0: none */
	uint8_t ip[16];		/* network order; IPv4 in the first four */
	uint16_t port;		/* host order */
};

/* An address alone, "192.0.2.1" or "2001:db8::1"; port is 0.  No names, no zones, no brackets. */
bool addr_parse(struct span s, struct addr *out) PB_MUST_CHECK;
/* "IP@PORT", "IP:PORT" (IPv4), "[IP]:PORT", or the address alone, then with default_port. */
bool addr_parse_port(struct span s, uint16_t default_port, struct addr *out) PB_MUST_CHECK;
/* An address literal of RFC 5321 4.1.3 with its brackets: "[192.0.2.1]", "[IPv6:2001:db8::1]". */
bool addr_parse_literal(struct span s, struct addr *out) PB_MUST_CHECK;

/* Text of the address alone ("local" for AF_UNIX); returns out. size at least ADDR_TEXT_MAX. */
const char *addr_print(const struct addr *a, char *out, size_t size);
/* "192.0.2.1:25", "[2001:db8::1]:25" */
const char *addr_print_port(const struct addr *a, char *out, size_t size);

bool addr_from_sockaddr(const struct sockaddr *sa, socklen_t n, struct addr *out) PB_MUST_CHECK;
socklen_t addr_to_sockaddr(const struct addr *a, struct sockaddr_storage *out);
/* The two ends of a connected socket; -1 with errno.  A Unix socket gives AF_UNIX. */
int addr_of_peer(int sock, struct addr *out) PB_MUST_CHECK;
int addr_of_local(int sock, struct addr *out) PB_MUST_CHECK;

bool addr_eq_ip(const struct addr *a, const struct addr *b);	/* without the port */
bool addr_eq(const struct addr *a, const struct addr *b);	/* with it */

/* The network an address is counted by: the first bits_v4 or bits_v6 bits, rest 0. */
struct addr addr_prefix(const struct addr *a, unsigned bits_v4, unsigned bits_v6);

bool addr_is_loopback(const struct addr *a);	/* 127/8, ::1 */
bool addr_is_unspecified(const struct addr *a);	/* 0/8, :: */
bool addr_is_private(const struct addr *a);	/* loopback, link-local, RFC 1918, RFC 4193, RFC 6598 */
bool addr_is_multicast(const struct addr *a);	/* multicast and broadcast */

/* A network: "192.0.2.0/24", "2001:db8::/32", one address, or "192.0.2.1-192.0.2.9". */
struct addr_range {
	struct addr from, to;	/* both included, same family */
};
bool addr_range_parse(struct span s, struct addr_range *out) PB_MUST_CHECK;
bool addr_in_range(const struct addr *a, const struct addr_range *r);

/* The name under which DNS lists ask for an address: "1.2.0.192", nibbles for IPv6. */
bool addr_reverse(const struct addr *a, struct buf *out);

#endif
