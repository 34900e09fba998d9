/*
 * smtp/path: the addresses of the envelope (RFC 5321 4.1.2, 4.1.3).
 *
 * The room lib/smtp is the grammar of SMTP and nothing else: spans in, structs
 * out, bytes out; no I/O, no clock, no log.  Client and server share it.
 *
 * A path is kept in one canonical form, so that two spellings of an address
 * compare equal as text: the local part is quoted only when it must be, and a
 * quoted one escapes nothing but the double quote and the backslash; the
 * domain is in lower case; a literal is printed by the rules of RFC 5952.
 * A domain in U-labels becomes A-labels (RFC 5891), so both forms are one
 * address; a non-ASCII local part stays UTF-8.
 */
#ifndef SMTP_PATH_H
#define SMTP_PATH_H

#include "base/base.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/span.h"

struct smtp_path {
	char text[LIMIT_ADDRESS + 1];	/* without angle brackets; "" for <> */
	size_t n;			/* length of text */
	size_t local_n;			/* length of the local part in text */
	bool is_literal;		/* the domain is an address literal */
	bool is_utf8;			/* it was written with non-ASCII characters (RFC 6531) */
};

enum smtp_path_error {
	SMTP_PATH_OK,
	SMTP_PATH_SYNTAX,		/* not an address */
	SMTP_PATH_ROUTE,		/* a source route, which we decline (RFC 5321 C) */
	SMTP_PATH_LONG			/* local part, domain or label over its limit */
};

/*
 * Read a path in angle brackets at the start of *in and leave what follows in
 * *in.  `<>` gives the empty path; `<postmaster>` is the only path that may
 * lack a domain (RFC 5321 4.1.1.3).  On an error *in and *out are undefined.
 */
enum smtp_path_error smtp_path_read(struct span *in, struct smtp_path *out) PB_MUST_CHECK;

/* Read the whole of `in` as an address without brackets; never empty. */
enum smtp_path_error smtp_path_parse(struct span in, struct smtp_path *out) PB_MUST_CHECK;

struct span smtp_path_view(const struct smtp_path *p);
struct span smtp_path_local(const struct smtp_path *p);
struct span smtp_path_domain(const struct smtp_path *p);	/* empty for <> and <postmaster> */
bool smtp_path_is_null(const struct smtp_path *p);
/* The local part is "postmaster" in any letter case. */
bool smtp_path_is_postmaster(const struct smtp_path *p);
/* Equal, the local parts compared without regard to letter case. */
bool smtp_path_eq(const struct smtp_path *a, const struct smtp_path *b);

/* True for a domain name: labels of letters, digits, "-" and "_", at most 255 bytes. */
bool smtp_domain_is_valid(struct span s);
/* True for `[192.0.2.1]` and `[IPv6:2001:db8::1]`. */
bool smtp_literal_is_valid(struct span s);

#endif
