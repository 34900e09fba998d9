/*
 * sts: MTA-STS (RFC 8461): what a domain says of the TLS of its mail hosts, in the
 * record that announces a policy and in the policy itself.
 */
#ifndef POLICY_STS_H
#define POLICY_STS_H

#include "base/base.h"
#include "base/limits.h"
#include "base/span.h"
#include "policy/tls_out.h"

#define STS_ID_MAX 33		/* with NUL (RFC 8461 3.1) */
#define STS_HOST_MAX 256
#define STS_MAX_AGE_MAX 31557600	/* seconds (RFC 8461 3.2) */

/*
 * The id of a TXT record's text ("v=STSv1; id=20160831085700Z;").  False when it is
 * no record of this kind, or a broken one; *is_sts tells both apart.
 */
bool sts_record_parse(struct span text, char id_out[STS_ID_MAX], bool *is_sts) PB_MUST_CHECK;

struct sts_policy {
	enum tls_sts mode;		/* NONE, TESTING or ENFORCE */
	uint32_t max_age;		/* seconds */
	size_t mx_count;
	char mx[LIMIT_STS_HOSTS][STS_HOST_MAX];	/* lower case; "*.example.org" stands for one label more */
};

/*
 * The text of a policy (RFC 8461 3.2), lines ended by LF or CRLF.  Unknown keys are
 * passed over; of keys that may stand once the first counts.  False with a word for
 * people in *why: it is to be treated as if it were not there.
 */
bool sts_policy_parse(struct span text, struct sts_policy *out, const char **why) PB_MUST_CHECK;

/* Does it list the host (RFC 8461 4.1)? */
bool sts_policy_has(const struct sts_policy *p, struct span host);

#endif
