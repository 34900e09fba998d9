/*
 * scan_result: what scan-check can say of a connection and an envelope, and
 * the words for it in records and log lines.
 *
 * In each, 0 is "unknown": nobody could be asked, or not in time.  It is no
 * reason to refuse anything.  TEMPERROR is an answer: DNS itself failed.
 */
#ifndef CHECK_SCAN_RESULT_H
#define CHECK_SCAN_RESULT_H

#include "base/base.h"
#include "base/span.h"

/* RFC 7208 2.6. */
enum scan_spf_result {
	SCAN_SPF_UNKNOWN,
	SCAN_SPF_NONE,
	SCAN_SPF_NEUTRAL,
	SCAN_SPF_PASS,
	SCAN_SPF_FAIL,
	SCAN_SPF_SOFTFAIL,
	SCAN_SPF_TEMPERROR,
	SCAN_SPF_PERMERROR
};

/* May mail be sent to this domain?  RFC 5321 5.1 and RFC 7505. */
enum scan_domain_result {
	SCAN_DOMAIN_UNKNOWN,
	SCAN_DOMAIN_RESOLVES,	/* it has MX hosts, or an address of its own */
	SCAN_DOMAIN_NXDOMAIN,	/* there is no such name */
	SCAN_DOMAIN_NO_HOST,	/* the name exists, has neither MX nor address */
	SCAN_DOMAIN_NULL_MX,	/* says itself that it takes no mail */
	SCAN_DOMAIN_TEMPERROR
};

/* Does an MX host of the domain have one of these addresses? */
enum scan_mx_result {
	SCAN_MX_UNKNOWN,
	SCAN_MX_YES,
	SCAN_MX_NO,
	SCAN_MX_TEMPERROR
};

/* The name of an address (PTR), confirmed when that name has the address (RFC 8601 3). */
enum scan_reverse_result {
	SCAN_REVERSE_UNKNOWN,
	SCAN_REVERSE_CONFIRMED,
	SCAN_REVERSE_UNCONFIRMED,
	SCAN_REVERSE_NONE,	/* no PTR */
	SCAN_REVERSE_TEMPERROR
};

/* The argument of HELO or EHLO. */
enum scan_helo_result {
	SCAN_HELO_UNKNOWN,
	SCAN_HELO_MATCHES,	/* it has the client's address, or is that as a literal */
	SCAN_HELO_RESOLVES,	/* it has other addresses, or only an MX; or is another literal */
	SCAN_HELO_NXDOMAIN,
	SCAN_HELO_NO_HOST,	/* the name exists, has neither address nor MX */
	SCAN_HELO_INVALID,	/* neither a host name with a dot nor an address literal */
	SCAN_HELO_TEMPERROR
};

/* "pass", "null-mx" ...; "unknown" for 0. */
const char *scan_spf_text(enum scan_spf_result r);
const char *scan_domain_text(enum scan_domain_result r);
const char *scan_mx_text(enum scan_mx_result r);
const char *scan_reverse_text(enum scan_reverse_result r);
const char *scan_helo_text(enum scan_helo_result r);

/* And back; unknown for any other word. */
enum scan_spf_result scan_spf_of(struct span word);
enum scan_domain_result scan_domain_of(struct span word);
enum scan_mx_result scan_mx_of(struct span word);
enum scan_reverse_result scan_reverse_of(struct span word);
enum scan_helo_result scan_helo_of(struct span word);

#endif
