/*
 * jwk: see jwk.h.
 *
 * A key is taken when its kind is that of the algorithm, and its use, alg and
 * kid, where it has them, do not say otherwise (RFC 7517 4).  Keys too small to
 * be safe are no keys: RSA below 2048 bits (RFC 7518 3.3).
 */
#include "base/base.h"
#include "directory/jwk.h"

#include <jansson.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "base/buf.h"
#include "base/limits.h"
#include "directory/jwt.h"

#define NUMBER_MAX 1024		/* bytes: RSA of 8192 bits */
#define RSA_BITS_MIN 2048
#define COORDINATE 32		/* bytes, of P-256 and Ed25519 */

static const struct {
	enum jwk_algorithm algorithm;
	const char *name, *kty, *crv;
} kinds[] = {
	{ JWK_RS256, "RS256", "RSA", NULL },
	{ JWK_ES256, "ES256", "EC", "P-256" },
	{ JWK_EDDSA, "EdDSA", "OKP", "Ed25519" },
};

enum jwk_algorithm
jwk_algorithm(const char *name)
{
	for (size_t i = 0; i < PB_COUNT(kinds); i++)
		if (strcmp(kinds[i].name, name) == 0)
			return kinds[i].algorithm;
	return JWK_UNKNOWN;
}

static bool
member_is(const json_t *key, const char *name, const char *want, bool may_be_absent)
{
	const json_t *v = json_object_get(key, name);

	return v == NULL ? may_be_absent : json_is_string(v) && strcmp(json_string_value(v), want) == 0;
}

static bool
fits(const json_t *key, const struct jwk_wanted *w)
{
	for (size_t i = 0; i < PB_COUNT(kinds); i++)
		if (kinds[i].algorithm == w->algorithm)
			return member_is(key, "kty", kinds[i].kty, false) &&
			    (kinds[i].crv == NULL || member_is(key, "crv", kinds[i].crv, false)) &&
			    member_is(key, "use", "sig", true) && member_is(key, "alg", kinds[i].name, true) &&
			    (w->kid[0] == '\0' || member_is(key, "kid", w->kid, false));
	return false;
}

/* A member in base64url as bytes; false when it is none or empty. */
static bool
read_bytes(const json_t *key, const char *name, struct buf *out)
{
	const json_t *v = json_object_get(key, name);

	return json_is_string(v) && jwt_base64url(span_make(json_string_value(v), json_string_length(v)), out) && out->n > 0;
}

static EVP_PKEY *
from_params(const char *type, OSSL_PARAM_BLD *build)
{
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *key = NULL;

	if (params == NULL || ctx == NULL || EVP_PKEY_fromdata_init(ctx) <= 0 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) <= 0)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	return key;
}

static EVP_PKEY *
rsa_key(const json_t *jwk)
{
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	BIGNUM *n = NULL, *e = NULL;
	EVP_PKEY *key = NULL;
	struct buf modulus, exponent;

	buf_init(&modulus, NUMBER_MAX);
	buf_init(&exponent, 8);		/* a huge exponent would only cost time */
	if (read_bytes(jwk, "n", &modulus) && read_bytes(jwk, "e", &exponent)) {
		n = BN_bin2bn((const unsigned char *)modulus.p, (int)modulus.n, NULL);
		e = BN_bin2bn((const unsigned char *)exponent.p, (int)exponent.n, NULL);
	}
	if (build != NULL && n != NULL && e != NULL && BN_num_bits(n) >= RSA_BITS_MIN &&
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) &&
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e))
		key = from_params("RSA", build);
	OSSL_PARAM_BLD_free(build);
	BN_free(n);
	BN_free(e);
	buf_free(&modulus);
	buf_free(&exponent);
	return key;
}

static EVP_PKEY *
ec_key(const json_t *jwk)
{
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	EVP_PKEY *key = NULL;
	struct buf x, y, point;

	buf_init(&x, COORDINATE);
	buf_init(&y, COORDINATE);
	buf_init(&point, 2 * COORDINATE + 1);
	if (build != NULL && read_bytes(jwk, "x", &x) && read_bytes(jwk, "y", &y) && x.n == COORDINATE && y.n == COORDINATE) {
		buf_char(&point, 4);		/* uncompressed */
		buf_span(&point, buf_view(&x));
		buf_span(&point, buf_view(&y));
		if (OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) &&
		    OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point.p, point.n))
			key = from_params("EC", build);
	}
	OSSL_PARAM_BLD_free(build);
	buf_free(&x);
	buf_free(&y);
	buf_free(&point);
	return key;
}

static EVP_PKEY *
ed25519_key(const json_t *jwk)
{
	EVP_PKEY *key = NULL;
	struct buf x;

	buf_init(&x, COORDINATE);
	if (read_bytes(jwk, "x", &x) && x.n == COORDINATE)
		key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, (const unsigned char *)x.p, x.n);
	buf_free(&x);
	return key;
}

/* RFC 7518 3.4: r and s side by side; OpenSSL wants them as DER.  *der is freed by OPENSSL_free. */
static int
ecdsa_der(struct span signature, unsigned char **der)
{
	ECDSA_SIG *sig = ECDSA_SIG_new();
	const unsigned char *p = (const unsigned char *)signature.p;
	BIGNUM *r, *s;
	int n = -1;

	*der = NULL;
	if (sig == NULL || signature.n != 2 * COORDINATE) {
		ECDSA_SIG_free(sig);
		return -1;
	}
	r = BN_bin2bn(p, COORDINATE, NULL);
	s = BN_bin2bn(p + COORDINATE, COORDINATE, NULL);
	if (r != NULL && s != NULL && ECDSA_SIG_set0(sig, r, s)) {
		n = i2d_ECDSA_SIG(sig, der);
	} else {
		BN_free(r);
		BN_free(s);
	}
	ECDSA_SIG_free(sig);
	return n;
}

static bool
is_signed_by(EVP_PKEY *key, enum jwk_algorithm algorithm, struct span text, struct span signature)
{
	const EVP_MD *md = algorithm == JWK_EDDSA ? NULL : EVP_sha256();
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char *der = NULL;
	bool good = ctx != NULL && EVP_DigestVerifyInit(ctx, NULL, md, NULL, key) == 1;

	if (good && algorithm == JWK_ES256) {
		int n = ecdsa_der(signature, &der);

		good = n > 0;
		signature = span_make(der, good ? (size_t)n : 0);
	}
	good = good && EVP_DigestVerify(ctx, (const unsigned char *)signature.p, signature.n,
		(const unsigned char *)text.p, text.n) == 1;
	OPENSSL_free(der);
	EVP_MD_CTX_free(ctx);
	return good;
}

static enum jwk_result
check_key(const json_t *jwk, const struct jwk_wanted *w, struct span text, struct span signature)
{
	EVP_PKEY *key = w->algorithm == JWK_RS256 ? rsa_key(jwk) : w->algorithm == JWK_ES256 ? ec_key(jwk) : ed25519_key(jwk);
	enum jwk_result result = JWK_NO_KEY;

	if (key != NULL)
		result = is_signed_by(key, w->algorithm, text, signature) ? JWK_GOOD : JWK_BAD;
	EVP_PKEY_free(key);
	ERR_clear_error();
	return result;
}

enum jwk_result
jwk_check(struct span jwks, const struct jwk_wanted *wanted, struct span text, struct span signature)
{
	json_t *set = jwks.n > LIMIT_JWKS ? NULL : json_loadb(jwks.p != NULL ? jwks.p : "", jwks.n, 0, NULL);
	const json_t *keys = json_object_get(set, "keys"), *key;
	enum jwk_result result = json_is_array(keys) ? JWK_NO_KEY : JWK_NO_SET;
	size_t i;

	json_array_foreach(keys, i, key) {
		enum jwk_result one = i < LIMIT_JWKS_KEYS && fits(key, wanted) ?
			check_key(key, wanted, text, signature) : JWK_NO_KEY;

		if (one != JWK_NO_KEY)
			result = one;
		if (one == JWK_GOOD)
			break;
	}
	json_decref(set);
	return result;
}
