/*
 * jwt: see jwt.h.  Order: form, header, key, signature; only then the claims.
 */
#include "base/base.h"
#include "directory/jwt.h"

#include <jansson.h>

#include "base/buf.h"
#include "directory/jwk.h"

bool
jwt_base64url(struct span text, struct buf *out)
{
	uint32_t bits = 0;
	unsigned count = 0;

	for (size_t i = 0; i < text.n; i++) {
		static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
		const char *at = text.p[i] == '\0' ? NULL : strchr(digits, text.p[i]);

		if (at == NULL)
			return false;
		bits = bits << 6 | (uint32_t)(at - digits);
		count += 6;
		if (count >= 8) {
			count -= 8;
			buf_char(out, (char)(bits >> count & 255));
		}
	}
	/* What is left over must be nothing: two spellings of one token would be two tokens. */
	return count < 6 && (bits & ((1U << count) - 1)) == 0 && !out->overflow;
}

static bool
fail(char why[JWT_WHY_MAX], const char *text)
{
	snprintf(why, JWT_WHY_MAX, "%s", text);
	return false;
}

/* A JSON object from base64url; NULL when it is none. */
static json_t *
read_object(struct span text)
{
	struct buf bytes;
	json_t *object = NULL;

	buf_init(&bytes, LIMIT_JWT);
	if (jwt_base64url(text, &bytes))
		object = json_loadb(buf_text(&bytes), bytes.n, JSON_REJECT_DUPLICATES, NULL);
	buf_free(&bytes);
	if (object != NULL && !json_is_object(object)) {
		json_decref(object);
		object = NULL;
	}
	return object;
}

static const char *
text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text != NULL ? text : "";
}

/* RFC 7515 4.1.11: what we do not know must not be critical. */
static bool
read_header(struct span text, struct jwk_wanted *out, char why[JWT_WHY_MAX])
{
	json_t *header = read_object(text);
	bool good = header != NULL && json_object_get(header, "crit") == NULL;

	if (good) {
		out->algorithm = jwk_algorithm(text_of(header, "alg"));
		snprintf(out->kid, sizeof(out->kid), "%s", text_of(header, "kid"));
		good = strlen(text_of(header, "kid")) < sizeof(out->kid);
	}
	json_decref(header);
	if (!good)
		return fail(why, "its header cannot be read");
	return out->algorithm != JWK_UNKNOWN || fail(why, "its algorithm is not known");
}

static bool
has_audience(const json_t *claims, const char *wanted)
{
	const json_t *aud = json_object_get(claims, "aud"), *one;
	size_t i;

	if (json_is_string(aud))
		return strcmp(json_string_value(aud), wanted) == 0;
	json_array_foreach(aud, i, one)
		if (json_is_string(one) && strcmp(json_string_value(one), wanted) == 0)
			return true;
	return false;
}

/* NumericDate (RFC 7519 2); false when it is absent or none. */
static bool
read_time(const json_t *claims, const char *name, int64_t *out)
{
	const json_t *n = json_object_get(claims, name);
	double value = json_number_value(n);

	if (!json_is_number(n) || value < 0 || value > 1e15)
		return false;
	*out = (int64_t)value;
	return true;
}

static bool
check_time(const json_t *claims, const struct jwt_rules *rules, struct jwt_claims *out, char why[JWT_WHY_MAX])
{
	int64_t from;

	if (!read_time(claims, "exp", &out->expires_s))
		return fail(why, "it has no exp");
	if (out->expires_s + JWT_LEEWAY_S <= rules->now_s)
		return fail(why, "it has expired");
	if (json_object_get(claims, "nbf") == NULL)
		return true;
	if (!read_time(claims, "nbf", &from) || from > rules->now_s + JWT_LEEWAY_S)
		return fail(why, "it is not valid yet");
	return true;
}

static bool
read_user(const json_t *claims, const struct jwt_rules *rules, struct jwt_claims *out, char why[JWT_WHY_MAX])
{
	const json_t *user = json_object_get(claims, rules->user_claim);
	const json_t *verified = json_object_get(claims, "email_verified");
	size_t n = json_string_length(user);

	if (!json_is_string(user) || n == 0 || n > LIMIT_ADDRESS || strlen(json_string_value(user)) != n)
		return fail(why, "it names no user");
	/* OpenID Connect: an address that its owner may have made up. */
	if (strcmp(rules->user_claim, "email") == 0 && verified != NULL && !json_is_true(verified))
		return fail(why, "its address is not verified");
	memcpy(out->user, json_string_value(user), n + 1);
	return true;
}

static bool
check_claims(struct span text, const struct jwt_rules *rules, struct jwt_claims *out, char why[JWT_WHY_MAX])
{
	json_t *claims = read_object(text);
	bool good;

	if (claims == NULL)
		return fail(why, "its claims cannot be read");
	if (rules->issuer[0] == '\0' || strcmp(text_of(claims, "iss"), rules->issuer) != 0)
		good = fail(why, "it is of another issuer");
	else if (rules->audience[0] == '\0' || !has_audience(claims, rules->audience))
		good = fail(why, "it is for another audience");
	else
		good = check_time(claims, rules, out, why) && read_user(claims, rules, out, why);
	json_decref(claims);
	return good;
}

bool
jwt_verify(struct span token, struct span jwks, const struct jwt_rules *rules, struct jwt_claims *out,
	char why[JWT_WHY_MAX])
{
	struct span rest = token, header = span_cut(&rest, '.'), claims, signature;
	struct span is_signed;
	struct jwk_wanted wanted = { .algorithm = JWK_UNKNOWN };
	struct buf bytes;
	enum jwk_result result;

	*out = (struct jwt_claims){ .expires_s = 0 };
	claims = rest.p != NULL ? span_cut(&rest, '.') : SPAN_NONE;
	signature = rest;
	if (signature.p == NULL || token.n > LIMIT_JWT || header.n == 0 || claims.n == 0)
		return fail(why, "not a token");
	is_signed = span_first(token, header.n + 1 + claims.n);
	if (!read_header(header, &wanted, why))
		return false;
	buf_init(&bytes, LIMIT_JWT);
	result = jwt_base64url(signature, &bytes) ? jwk_check(jwks, &wanted, is_signed, buf_view(&bytes)) : JWK_BAD;
	buf_free(&bytes);
	if (result == JWK_NO_KEY)
		return fail(why, "no key of the set fits it");
	if (result == JWK_NO_SET)
		return fail(why, "the key set cannot be read");
	if (result != JWK_GOOD)
		return fail(why, "its signature is wrong");
	return check_claims(claims, rules, out, why);
}
