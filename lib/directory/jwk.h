/*
 * jwk: a set of public keys as JSON (RFC 7517) and signatures made with them.
 */
#ifndef DIRECTORY_JWK_H
#define DIRECTORY_JWK_H

#include "base/base.h"
#include "base/span.h"

enum jwk_algorithm { JWK_UNKNOWN, JWK_RS256, JWK_ES256, JWK_EDDSA };

/* Which key a token asks for. */
struct jwk_wanted {
	enum jwk_algorithm algorithm;
	char kid[128];		/* "" : any that fits */
};

enum jwk_result {
	JWK_GOOD,
	JWK_BAD,		/* a key fits, the signature does not */
	JWK_NO_KEY,		/* no key of the set is of this kind and name */
	JWK_NO_SET		/* the set is not well formed, or larger than LIMIT_JWKS */
};

enum jwk_algorithm jwk_algorithm(const char *name);

/* Is `signature` (bytes) that of a key of the set over `text`?  At most LIMIT_JWKS_KEYS are tried. */
enum jwk_result jwk_check(struct span jwks, const struct jwk_wanted *wanted, struct span text, struct span signature);

#endif
