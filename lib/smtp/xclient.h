/*
 * smtp/xclient: the arguments of XCLIENT and XFORWARD, as Postfix's
 * XCLIENT_README and XFORWARD_README describe them: words NAME=value, values as
 * xtext, [UNAVAILABLE] and [TEMPUNAVAIL] for what is not known.
 */
#ifndef SMTP_XCLIENT_H
#define SMTP_XCLIENT_H

#include "base/base.h"
#include "base/limits.h"
#include "base/span.h"

enum xclient_attribute {
	XCLIENT_NAME, XCLIENT_ADDR, XCLIENT_PORT, XCLIENT_PROTO, XCLIENT_HELO, XCLIENT_LOGIN,
	XCLIENT_DESTADDR, XCLIENT_DESTPORT,
	XCLIENT_IDENT, XCLIENT_SOURCE,	/* of XFORWARD */
	XCLIENT_ATTRIBUTES
};

/* The longest is an address; a value that is longer is refused. */
#define XCLIENT_VALUE_MAX (LIMIT_ADDRESS + 1)

struct smtp_xclient {
	bool given[XCLIENT_ATTRIBUTES];
	char value[XCLIENT_ATTRIBUTES][XCLIENT_VALUE_MAX];	/* printable ASCII; "" when not available */
};

/* The words that EHLO lists after XCLIENT and XFORWARD. */
#define XCLIENT_OFFERED "NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT"
#define XFORWARD_OFFERED "NAME ADDR PORT PROTO HELO IDENT SOURCE"

/*
 * False when an attribute is unknown to that command, stands twice or has a
 * value that is not xtext of printable ASCII, or when there is none.  Addresses
 * come out without their tag "IPV6:"; they and ports are not checked here.
 */
bool smtp_xclient_parse(struct span args, bool forward, struct smtp_xclient *out) PB_MUST_CHECK;

/* "name", "addr" ...: for logs. */
const char *smtp_xclient_name(enum xclient_attribute a);

#endif
