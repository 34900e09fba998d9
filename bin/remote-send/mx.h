/*
 * mx: in which order the hosts of a domain are tried, and which not at all.
 * Pure: RFC 5321 section 5.1, RFC 7505.
 */
#ifndef REMOTE_SEND_MX_H
#define REMOTE_SEND_MX_H

#include "base/base.h"
#include "base/limits.h"
#include "base/verdict.h"
#include "job.h"
#include "net/addr.h"
#include "net/dns.h"

/* Which names and addresses are this server's. */
struct self {
	char names[LIMIT_OWN_NAMES][DNS_NAME_MAX];	/* lower case */
	size_t name_count;
	struct addr addrs[LIMIT_OWN_ADDRS];		/* of the interfaces, without ports */
	size_t addr_count;
	bool allow_loopback;	/* setting allowLoopbackTargets */
	bool has_ipv6;		/* some interface has a global IPv6 address */
};

bool self_is_name(const struct self *s, struct span name);
/* True also for addresses that are nobody's: unspecified, multicast. */
bool self_is_addr(const struct self *s, const struct addr *a);

struct mx_host {
	uint16_t preference;
	char name[DNS_NAME_MAX];
	struct addr addrs[LIMIT_HOST_ADDRS];
	size_t addr_count;
	uint16_t port;		/* 0: that of all */
	bool failed;		/* the answer for its addresses did not come */
	bool bogus;		/* ... or was forged */
	bool insecure;		/* DNSSEC does not vouch for the addresses */
	char canonical[DNS_NAME_MAX];	/* of what the name is an alias; "" when it is none */
};

struct mx {
	struct mx_host host[LIMIT_MX_HOSTS];
	size_t count;
	bool is_null;		/* the domain takes no mail (RFC 7505) */
	bool secure;		/* DNSSEC vouches for the names of the hosts, or they were set by our own side */
	bool was_self;		/* hosts were cut away since one of them is this server */
};

/*
 * Sort an answer: by preference, hosts of the same preference in an order
 * made from `lot` (a random number); this server and all that are no better
 * are cut away; then the first LIMIT_MX_HOSTS stay.
 */
void mx_sort(const struct dns_answer *answer, const struct self *self, uint64_t lot, struct mx *out);

/* The domain itself as its only host. */
void mx_implicit(struct span domain, const struct self *self, struct mx *out);

/* Add the addresses of an answer to host i. */
void mx_add_addrs(struct mx *mx, size_t i, enum dns_type type, const struct dns_answer *answer);

/*
 * All addresses are known: the targets in the order in which they are tried.
 * Returns their number; when it is 0, *why says what became of the recipients
 * and *dns whether it counts as a failed look-up.
 */
size_t mx_targets(struct mx *mx, const struct self *self, uint16_t port,
	struct target out[LIMIT_SEND_TARGETS], struct verdict *why, bool *dns);

/* The same when the hosts are outgoing gateways, with their places as preferences. */
size_t mx_gateway_targets(const struct mx *mx, const struct self *self, struct target out[LIMIT_SEND_TARGETS],
	struct verdict *why);

/* What a failed look-up of the domain means for its recipients. */
struct verdict mx_verdict(enum dns_outcome outcome, struct span domain);

#endif
