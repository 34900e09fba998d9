/* oauthbearer: see oauthbearer.h.  Trust: every byte is a client's. */
#include "base/base.h"
#include "directory/oauthbearer.h"

#define SEPARATOR '\001'

/* RFC 5801 4: in a name "," is =2C and "=" is =3D, and "=" stands for nothing else. */
static bool
read_name(struct span s, char *out, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '=') {
			struct span code = span_first(span_from(s, i + 1), 2);

			if (!span_is_nocase(code, "2C") && !span_is_nocase(code, "3D"))
				return false;
			c = code.p[0] == '2' ? ',' : '=';
			i += 2;
		}
		if (c == '\0' || n + 1 >= size)
			return false;
		out[n++] = c;
	}
	out[n] = '\0';
	return n > 0;
}

/* "n,," or "n,a=NAME,"; "y" is as good, "p" would bind and cannot (RFC 7628 3.1). */
static bool
read_gs2(struct span header, struct oauthbearer *out)
{
	struct span rest = header, flag = span_cut(&rest, ','), name;

	if ((!span_is(flag, "n") && !span_is(flag, "y")) || rest.p == NULL)
		return false;
	name = span_cut(&rest, ',');
	if (rest.p == NULL || rest.n > 0)
		return false;
	if (name.n == 0)
		return true;
	return span_starts(name, SPAN("a=")) && read_name(span_from(name, 2), out->authzid, sizeof(out->authzid));
}

static bool
is_key(struct span key)
{
	for (size_t i = 0; i < key.n; i++)
		if (!char_is_alpha(key.p[i]))
			return false;
	return key.n > 0;
}

/* RFC 6750 2.1: the characters of a token; "=" at its end only is not insisted on. */
static bool
is_token(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!char_is_alnum(s.p[i]) && (s.p[i] == '\0' || strchr("-._~+/=", s.p[i]) == NULL))
			return false;
	return s.n > 0;
}

static bool
take_auth(struct span value, struct oauthbearer *out)
{
	struct span rest = value, scheme = span_cut(&rest, ' ');

	if (out->token.p != NULL || !span_is_nocase(scheme, "Bearer") || rest.p == NULL)
		return false;
	out->token = span_trim(rest);
	return is_token(out->token);
}

bool
oauthbearer_parse(struct span in, struct oauthbearer *out)
{
	struct span rest = in, header = span_cut(&rest, SEPARATOR);

	*out = (struct oauthbearer){ .token = SPAN_NONE };
	if (rest.p == NULL || !read_gs2(header, out))
		return false;
	for (;;) {
		struct span value = span_cut(&rest, SEPARATOR), key;

		/* Each pair ends with a separator, and one more ends the message. */
		if (rest.p == NULL)
			return false;
		if (value.n == 0)
			return rest.n == 0;
		key = span_cut(&value, '=');
		if (value.p == NULL || !is_key(key) || (span_is(key, "auth") && !take_auth(value, out)))
			return false;
		if (rest.n == 0)
			return false;
	}
}
