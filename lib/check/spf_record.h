/*
 * spf_record: the text of an SPF policy (RFC 7208 section 4.5 to 7), pure.
 */
#ifndef CHECK_SPF_RECORD_H
#define CHECK_SPF_RECORD_H

#include "base/base.h"
#include "base/buf.h"
#include "base/span.h"
#include "net/addr.h"
#include "net/dns.h"

enum spf_mechanism { SPF_ALL, SPF_INCLUDE, SPF_A, SPF_MX, SPF_PTR, SPF_IP4, SPF_IP6, SPF_EXISTS };

enum spf_kind { SPF_END, SPF_BAD, SPF_MECHANISM, SPF_REDIRECT, SPF_EXPLANATION, SPF_OTHER };

/* One term of a policy; spans point into it. */
struct spf_term {
	enum spf_kind kind;
	enum spf_mechanism mechanism;
	char qualifier;			/* + - ? ~ */
	struct span domain;		/* domain-spec, macros unexpanded; empty: the domain itself */
	struct addr network;		/* ip4, ip6 */
	unsigned bits_v4, bits_v6;	/* a, mx, ip4, ip6: length of the prefix */
};

/*
 * Cut the next term; SPF_END at the end, SPF_BAD for what is no term of the
 * grammar (12), with its text in domain.
 */
struct spf_term spf_term_next(struct span *rest);

enum spf_select { SPF_NO_RECORD, SPF_ONE_RECORD, SPF_BAD_RECORD };

/*
 * The policy among the TXT records of a domain (4.5): its terms, what follows
 * the version, into out.  SPF_BAD_RECORD with *why: two of them, over
 * LIMIT_SPF_RECORD, not ASCII, or a syntax error anywhere in it (4.6).
 */
enum spf_select spf_select(const struct dns_answer *answer, struct buf *out, const char **why);

#endif
