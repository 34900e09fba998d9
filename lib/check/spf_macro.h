/*
 * spf_macro: macro strings and domain-specs (RFC 7208 section 7), pure.
 *
 * The macros c, r and t exist in explanations only, which nobody fetches here:
 * they are syntax errors everywhere else.
 */
#ifndef CHECK_SPF_MACRO_H
#define CHECK_SPF_MACRO_H

#include "base/base.h"
#include "base/span.h"
#include "net/addr.h"
#include "net/dns.h"

/* Is s a macro-string; one that ends as a domain name does (7.1)? */
bool spf_macro_is_string(struct span s);
bool spf_macro_is_domain(struct span s);

/* Does it name the validated name of the client, %{p}? */
bool spf_macro_needs_p(struct span s);

/* What macros stand for. */
struct spf_macro_values {
	struct span local;		/* of the sender */
	struct span sender_domain;
	struct span domain;		/* whose policy is evaluated */
	struct span helo;
	struct span validated;		/* %{p} */
	struct addr ip;
};

/*
 * Expand a valid domain-spec; without the final dot, cut from the left, label
 * by label, to 253 characters.  False: the result is no name that could be
 * asked for (an empty label, one over 63).
 */
bool spf_macro_expand(struct span s, const struct spf_macro_values *v, char out[DNS_NAME_MAX]);

/* A name of labels of 1 to 63 bytes, 253 in all. */
bool spf_macro_is_name(struct span s);

#endif
