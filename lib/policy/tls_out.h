/*
 * tls_out: how much TLS a message must have on its way to one host of its
 * domain, and whether it may go there at all.
 *
 * What the receiver published (DANE, RFC 7672; MTA-STS, RFC 8461), what our
 * administrator set for the domain, and what the sender asked (REQUIRETLS and
 * TLS-Required, RFC 8689) go in as facts.  DANE comes before MTA-STS (RFC 8461 2).
 */
#ifndef POLICY_TLS_OUT_H
#define POLICY_TLS_OUT_H

#include "base/base.h"
#include "base/span.h"
#include "base/verdict.h"

enum tls_level {
	TLS_LEVEL_NONE,		/* clear text, whatever is offered */
	TLS_LEVEL_MAY,		/* TLS with any certificate, else clear text */
	TLS_LEVEL_ENCRYPT,	/* TLS with any certificate */
	TLS_LEVEL_DANE,		/* TLS with a certificate that fits the TLSA records */
	TLS_LEVEL_VERIFY	/* TLS with a certificate of a CA that names the host */
};

/* What our administrator wants for the domain. */
enum tls_rule {
	TLS_RULE_AUTO,		/* what is published, else MAY */
	TLS_RULE_NONE,
	TLS_RULE_MAY,		/* whatever is published */
	TLS_RULE_ENCRYPT,	/* what is published, and never less */
	TLS_RULE_DANE,		/* only to hosts with usable TLSA records */
	TLS_RULE_VERIFY
};

/* The TLSA records of the host. */
enum tls_dane {
	TLS_DANE_NONE,		/* there are none that DNSSEC vouches for */
	TLS_DANE_FAILED,	/* nobody can tell: look-up failed, or was forged */
	TLS_DANE_UNUSABLE,	/* some, and none of a kind for mail */
	TLS_DANE_USABLE
};

/* The MTA-STS policy of the domain. */
enum tls_sts {
	TLS_STS_NONE,
	TLS_STS_UNKNOWN,	/* one is announced and cannot be had */
	TLS_STS_TESTING,
	TLS_STS_ENFORCE
};

/* Who is to be told of success and failure (RFC 8460 4.2). */
enum tls_policy_type { TLS_POLICY_NONE, TLS_POLICY_TLSA, TLS_POLICY_STS };

struct policy_tls_out {
	bool available;		/* tlsIfSupported */
	enum tls_rule rule;
	bool requiretls;	/* RFC 8689 4 */
	bool waived;		/* RFC 8689 5: rather delivered than protected */
	bool is_named_safely;	/* the host was found through DNSSEC, or by our own settings */
	enum tls_dane dane;
	enum tls_sts sts;
	bool sts_has_host;	/* the policy lists the host */
};

struct tls_out {
	enum tls_level level;
	enum tls_policy_type type;
	struct verdict verdict;	/* OK, or why the host may not be used */
};

/* host, domain: for the text. */
struct tls_out policy_tls_out(const struct policy_tls_out *f, struct span host, struct span domain) PB_MUST_CHECK;

/* Words for records and settings; the first value for words that are none. */
const char *tls_rule_text(enum tls_rule r);
enum tls_rule tls_rule_named(struct span s);
const char *tls_dane_text(enum tls_dane d);
enum tls_dane tls_dane_named(struct span s);
const char *tls_sts_text(enum tls_sts s);
enum tls_sts tls_sts_named(struct span s);
const char *tls_policy_type_text(enum tls_policy_type t);	/* as RFC 8460 4.2 writes them */
const char *tls_level_text(enum tls_level l);

#endif
