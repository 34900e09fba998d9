/*
 * tlsa: TLSA records (RFC 6698, RFC 7671), as mail uses them (RFC 7672).
 */
#ifndef NET_TLSA_H
#define NET_TLSA_H

#include "base/base.h"
#include "net/dns.h"

enum tlsa_usage { TLSA_DANE_TA = 2, TLSA_DANE_EE = 3 };

struct tlsa {
	uint8_t usage, selector, matching;
	const uint8_t *data;	/* borrowed */
	size_t n;
};

/* False when the record is too short to be one; data points into it. */
bool tlsa_read(const struct dns_record *r, struct tlsa *out) PB_MUST_CHECK;

/*
 * May mail rely on it?  Usages 0 and 1 are none for it (RFC 7672 3.1.3), nor are
 * selectors and digests that nobody has defined, or a digest of another length.
 */
bool tlsa_is_usable(const struct tlsa *t);

#endif
