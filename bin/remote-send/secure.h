/*
 * secure: how a connection to one host must be protected, and whether one that
 * is open is protected well enough.
 */
#ifndef REMOTE_SEND_SECURE_H
#define REMOTE_SEND_SECURE_H

#include "base/base.h"
#include "job.h"
#include "net/tls_verify.h"
#include "policy/tls_out.h"
#include "rules.h"

/* Valid as long as the job it was made from. */
struct tls_need {
	enum tls_level level;
	enum tls_policy_type type;
	bool requiretls;
	const struct job_gateway *gateway;	/* NULL: it is none */
	const struct target_tls *tls;	/* NULL: nothing is known of the host */
	struct domain_rule rule;
	char domain[DNS_NAME_MAX];	/* the next hop, by whose name a certificate may go too; "" for none */
	char names[TLS_NAMES_MAX][DNS_NAME_MAX];	/* of the rule */
};

/*
 * What the message needs on its way to the target.  available: setting
 * tlsIfSupported.  False: the host may not be used at all, *why says why.
 */
bool secure_need(const struct job *j, const struct target *to, const struct tls_rules *rules, bool available,
	struct tls_need *out, struct verdict *why) PB_MUST_CHECK;

/* What the certificate is held against; points into need and host. */
void secure_expect(const struct tls_need *need, const char *host, struct tls_expected *out);

/* Do the names of a certificate come from tlsPolicies instead of the host? */
bool secure_has_own_names(const struct tls_need *need);

/* "DANE", "MTA-STS" ...: who demands it, for texts. */
const char *secure_who(const struct tls_need *need);

/* How an open connection is protected. */
struct secured {
	enum tls_level level;		/* NONE: clear text; ENCRYPT: nobody has proven who is there */
	bool own_names;			/* by names that a rule gives, not that of the host */
	char domain[DNS_NAME_MAX];	/* the proof holds for messages to this next hop */
};

/* May a message with this need go over it, to the same host? */
bool secure_suffices(const struct secured *s, const struct tls_need *need);

#endif
