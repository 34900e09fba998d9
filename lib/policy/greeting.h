/*
 * greeting: what all three session programs decide alike at their start: the
 * text of the banner, and whether a readable password may be sent.
 */
#ifndef POLICY_GREETING_H
#define POLICY_GREETING_H

#include "base/base.h"
#include "base/buf.h"
#include "base/span.h"

struct greeting_facts {
	const char *host_name;	/* of the local address that the client reached */
	const char *peer_ip;
	int64_t now_s;		/* seconds since 1970 */
	int zone;		/* minutes east of Greenwich of local time then */
};

/*
 * Append a banner with #HostName#, #ConnectedIP#, #Time#, #TimeUTC# and
 * #UnixTime# replaced; names are case-sensitive and an unknown #Word# stays
 * as it is (FEATURES.md, area BANNER).
 */
void greeting_print(struct span banner, const struct greeting_facts *facts, struct buf *out);

/*
 * May a password be sent readable here?  setting: never, loopback or always.
 * TLS always may; a Unix socket counts as loopback.
 */
bool greeting_plaintext_allowed(const char *setting, bool tls, bool peer_is_loopback);

#endif
