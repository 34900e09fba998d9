/* Tokens: vectors of RFC 8037 and RFC 7515, limits, and messages that bring them. */
/* Features: DOM-19. */
#include "base/base.h"
#include "base/buf.h"
#include "directory/jwk.h"
#include "directory/jwt.h"
#include "directory/oauthbearer.h"
#include "tap.h"

static enum jwk_result
check(const char *jwks, enum jwk_algorithm algorithm, const char *text, const char *signature)
{
	struct jwk_wanted wanted = { .algorithm = algorithm };
	enum jwk_result result = JWK_BAD;
	struct buf bytes;

	buf_init(&bytes, 1024);
	if (jwt_base64url(span_of(signature), &bytes))
		result = jwk_check(span_of(jwks), &wanted, span_of(text), buf_view(&bytes));
	buf_free(&bytes);
	return result;
}

static void
vectors(void)
{
	static const char ed[] = "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}";
	static const char ed_text[] = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
	static const char ed_sig[] = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
	static const char ec[] = "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
		"\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}]}";
	static const char ec_text[] = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
		"cGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
	static const char ec_sig[] = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

	is_num(check(ed, JWK_EDDSA, ed_text, ed_sig), JWK_GOOD, "RFC 8037 A.4: Ed25519");
	is_num(check(ed, JWK_EDDSA, "eyJhbGciOiJFZERTQSJ9.x", ed_sig), JWK_BAD, "over another text");
	is_num(check(ec, JWK_ES256, ec_text, ec_sig), JWK_GOOD, "RFC 7515 A.3: ES256");
	is_num(check(ec, JWK_ES256, ec_text, ed_sig), JWK_BAD, "another signature");
	is_num(check(ec, JWK_ES256, ec_text, "AAAA"), JWK_BAD, "a short one");
	is_num(check(ec, JWK_EDDSA, ec_text, ec_sig), JWK_NO_KEY, "a key of another kind");
	is_num(check("[]", JWK_ES256, ec_text, ec_sig), JWK_NO_SET, "no set");
	is_num(check("{\"keys\":[7,null,{}]}", JWK_ES256, ec_text, ec_sig), JWK_NO_KEY, "a set of nonsense");
}

static void
base64url(void)
{
	struct buf b;

	buf_init(&b, 100);
	ok(jwt_base64url(SPAN("-_8"), &b) && b.n == 2 && memcmp(b.p, "\xfb\xff", 2) == 0, "base64url");
	ok(!jwt_base64url(SPAN("-_9"), &b), "bits left over must be zero");
	ok(!jwt_base64url(SPAN("+/8"), &b), "not of base64");
	ok(!jwt_base64url(SPAN("AAA="), &b), "no padding");
	ok(!jwt_base64url(SPAN("A"), &b), "no lone digit");
	buf_free(&b);
}

static bool
is_message(const char *text, struct oauthbearer *out)
{
	return oauthbearer_parse(span_of(text), out);
}

static void
messages(void)
{
	struct oauthbearer m;
	char name[LIMIT_LOGIN_NAME + 50];

	ok(is_message("n,a=user@example.com,\1host=x\1port=1\1auth=Bearer tok.en\1\1", &m) &&
	    strcmp(m.authzid, "user@example.com") == 0 && span_is(m.token, "tok.en"), "the message of RFC 7628 4.1");
	ok(is_message("y,a=a=2Cb=3Dc,\1auth=bearer x\1\1", &m) && strcmp(m.authzid, "a,b=c") == 0, "=2C and =3D");
	ok(is_message("n,,\1\1", &m) && m.token.p == NULL, "one that only asks");
	ok(!is_message("n,,\1auth=Bearer x\1", &m), "without its end");
	ok(!is_message("n,,\1auth=Bearer x\1\1y", &m), "something behind it");
	ok(!is_message("n,,\1auth=Bearer x\1auth=Bearer y\1\1", &m), "two tokens");
	ok(!is_message("n,,\1auth=Bearer \1\1", &m), "an empty token");
	ok(!is_message("n,,\1auth=Bearer a b\1\1", &m), "a token with a blank");
	ok(!is_message("p=tls-unique,,\1auth=Bearer x\1\1", &m), "a binding, which there is none of");
	snprintf(name, sizeof(name), "n,a=%0*d,\1auth=Bearer x\1\1", LIMIT_LOGIN_NAME + 1, 0);
	ok(!is_message(name, &m), "a name that is too long");
}

static void
limits(void)
{
	static const struct jwt_rules rules = { "i", "a", "email", 0 };
	static char token[LIMIT_JWT + 2], set[LIMIT_JWKS + 2];
	struct jwk_wanted wanted = { .algorithm = JWK_ES256 };
	struct jwt_claims claims;
	char why[JWT_WHY_MAX] = "";

	memset(token, 'A', sizeof(token) - 1);
	token[10] = token[20] = '.';
	ok(!jwt_verify(span_make(token, LIMIT_JWT), SPAN("{}"), &rules, &claims, why) && strcmp(why, "not a token") != 0,
		"a token at LIMIT_JWT is read");
	ok(!jwt_verify(span_make(token, LIMIT_JWT + 1), SPAN("{}"), &rules, &claims, why), "over LIMIT_JWT it is not");
	is_text(why, "not a token", "and said so");
	memset(set, ' ', sizeof(set));
	memcpy(set, "{\"keys\":[]}", 11);
	is_num(jwk_check(span_make(set, LIMIT_JWKS), &wanted, SPAN("x"), SPAN("y")), JWK_NO_KEY, "a set at LIMIT_JWKS is read");
	is_num(jwk_check(span_make(set, LIMIT_JWKS + 1), &wanted, SPAN("x"), SPAN("y")), JWK_NO_SET, "over LIMIT_JWKS it is not");
}

int
main(void)
{
	vectors();
	base64url();
	messages();
	limits();
	return done();
}
