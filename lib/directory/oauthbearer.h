/*
 * oauthbearer: the client's message of OAUTHBEARER (RFC 7628 3.1).
 *
 *	n,a=user@example.com,\1host=...\1port=...\1auth=Bearer TOKEN\1\1
 *
 * Pure.  Keys other than auth are allowed and ignored.
 */
#ifndef DIRECTORY_OAUTHBEARER_H
#define DIRECTORY_OAUTHBEARER_H

#include "base/base.h"
#include "base/limits.h"
#include "base/span.h"

struct oauthbearer {
	char authzid[LIMIT_LOGIN_NAME + 1];	/* whom the client wants to be; "" when it does not say */
	struct span token;			/* within the message; p NULL: it brings none, to hear how to get one */
};

/* False when it is not well formed, or the name is too long or has NUL. */
bool oauthbearer_parse(struct span in, struct oauthbearer *out) PB_MUST_CHECK;

#endif
