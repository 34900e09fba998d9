/*
 * Tokens and the message that brings them: whatever bytes come as message, as
 * token, as key set, or as claims that were signed as they should be.
 */
#include "base/base.h"
#include "base/base64.h"
#include "base/buf.h"
#include "directory/jwk.h"
#include "directory/jwt.h"
#include "directory/oauthbearer.h"
#include "fuzz.h"

#include <openssl/evp.h>

static const struct jwt_rules rules = { "https://issuer.example/", "mail", "email", 1700000000 };

static EVP_PKEY *key;
static char jwks[300];

static void
put_base64url(struct buf *out, struct span s)
{
	size_t from = out->n;

	base64_encode(out, s);
	while (out->n > from && out->p[out->n - 1] == '=')
		buf_cut(out, out->n - 1);
	for (size_t i = from; i < out->n; i++)
		out->p[i] = out->p[i] == '+' ? '-' : out->p[i] == '/' ? '_' : out->p[i];
}

/* One key for the whole run, the same every time. */
static void
make_key(void)
{
	static const unsigned char secret[32] = { 1, 2, 3 };
	unsigned char public[32];
	size_t n = sizeof(public);
	struct buf b;

	key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret, sizeof(secret));
	FUZZ_CHECK(key != NULL && EVP_PKEY_get_raw_public_key(key, public, &n) == 1);
	buf_init_fixed(&b, jwks, sizeof(jwks));
	buf_text_put(&b, "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"");
	put_base64url(&b, span_make(public, n));
	buf_text_put(&b, "\"}]}");
}

static void
try_message(struct span in)
{
	struct oauthbearer m;

	if (!oauthbearer_parse(in, &m))
		return;
	FUZZ_CHECK(strlen(m.authzid) <= LIMIT_LOGIN_NAME);
	if (m.token.p == NULL)
		return;
	FUZZ_CHECK(m.token.p >= in.p && m.token.p + m.token.n <= in.p + in.n && m.token.n > 0);
	FUZZ_CHECK(memchr(m.token.p, 1, m.token.n) == NULL && memchr(m.token.p, 0, m.token.n) == NULL);
}

static void
try_base64url(struct span in)
{
	struct buf bytes, text;

	buf_init(&bytes, LIMIT_JWT);
	buf_init(&text, 2 * LIMIT_JWT);
	if (jwt_base64url(in, &bytes)) {
		put_base64url(&text, span_make(buf_text(&bytes), bytes.n));
		FUZZ_CHECK(span_eq(buf_view(&text), in));
	}
	buf_free(&bytes);
	buf_free(&text);
}

/* Claims under a good signature: only what they say decides. */
static void
try_claims(struct span in)
{
	struct jwt_claims claims;
	unsigned char signature[64];
	char why[JWT_WHY_MAX] = "";
	size_t n = sizeof(signature);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	struct buf token;

	buf_init(&token, 4 * LIMIT_JWT);
	put_base64url(&token, SPAN("{\"alg\":\"EdDSA\"}"));
	buf_char(&token, '.');
	put_base64url(&token, span_first(in, LIMIT_JWT));
	FUZZ_CHECK(EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1 &&
		EVP_DigestSign(ctx, signature, &n, (const unsigned char *)token.p, token.n) == 1);
	buf_char(&token, '.');
	put_base64url(&token, span_make(signature, n));
	if (jwt_verify(buf_view(&token), span_of(jwks), &rules, &claims, why)) {
		FUZZ_CHECK(claims.user[0] != '\0' && strlen(claims.user) <= LIMIT_ADDRESS);
		FUZZ_CHECK(claims.expires_s + JWT_LEEWAY_S > rules.now_s);
		FUZZ_CHECK(span_search(in, SPAN("iss")) >= 0 || span_find(in, '\\') >= 0);
	} else {
		FUZZ_CHECK(why[0] != '\0' && strcmp(why, "its signature is wrong") != 0);
	}
	EVP_MD_CTX_free(ctx);
	buf_free(&token);
}

static void
try_token(struct span in)
{
	static const struct jwk_wanted kinds[] = {
		{ JWK_RS256, "" }, { JWK_ES256, "" }, { JWK_EDDSA, "" }, { JWK_EDDSA, "k" },
	};
	struct jwt_claims claims;
	char why[JWT_WHY_MAX];

	FUZZ_CHECK(!jwt_verify(in, span_of(jwks), &rules, &claims, why));
	for (size_t i = 0; i < PB_COUNT(kinds); i++)
		FUZZ_CHECK(jwk_check(in, &kinds[i], SPAN("text"), SPAN("no signature that anybody made")) != JWK_GOOD);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_make(data, size);

	if (key == NULL)
		make_key();
	try_message(in);
	try_base64url(in);
	try_claims(in);
	try_token(in);
	return 0;
}
