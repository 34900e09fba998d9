/*
 * jwt: signed tokens (RFC 7519, RFC 7515) checked with the issuer's public keys
 * (RFC 7517), without asking anybody.
 *
 * Pure: token, keys, rules and time in, claims out.  Algorithms are RS256, ES256
 * and EdDSA (Ed25519); none and all with shared secrets are unknown.  A key is
 * used only with the algorithm that its kind has, so a token cannot choose.
 *
 * Trust: the token is hostile in every byte.  The key set is the
 * administrator's, fetched from the issuer, and read as carefully.
 */
#ifndef DIRECTORY_JWT_H
#define DIRECTORY_JWT_H

#include "base/base.h"
#include "base/limits.h"
#include "base/span.h"

#define JWT_WHY_MAX 128
#define JWT_LEEWAY_S 60		/* clocks of two machines */

struct jwt_rules {
	const char *issuer;	/* iss must be this; "" refuses all */
	const char *audience;	/* aud must be this, or have it; "" refuses all */
	const char *user_claim;	/* "email", "preferred_username", "sub" ... */
	int64_t now_s;		/* seconds since 1970 */
};

struct jwt_claims {
	char user[LIMIT_ADDRESS + 1];
	int64_t expires_s;
};

/*
 * True when the token is signed by a key of the set, in its time, and of this
 * issuer for this audience.  Else a word for the log in why, which never holds
 * anything of the token.
 */
bool jwt_verify(struct span token, struct span jwks, const struct jwt_rules *rules, struct jwt_claims *out,
	char why[JWT_WHY_MAX]) PB_MUST_CHECK;

/* Append the bytes of base64url without padding (RFC 4648 5); false when it is none. */
struct buf;
bool jwt_base64url(struct span text, struct buf *out) PB_MUST_CHECK;

#endif
