/*
 * address: an address as a look-up key or a log-in name.
 *
 * Only one spelling of each address leaves this file, so that what is checked,
 * what is opened and what is logged are the same name.
 */
#include "base/base.h"
#include "resolve.h"

#include "mail/charset.h"

static bool
is_plain(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~')
			return false;
	return s.n > 0;
}

static bool
put_lower(struct span s, char *out, size_t size)
{
	if (s.n >= size)
		return false;
	for (size_t i = 0; i < s.n; i++)
		out[i] = char_lower(s.p[i]);
	out[s.n] = '\0';
	return true;
}

/*
 * A local part: the name is plain, and behind a "+" UTF-8 may stand as well, since
 * folders have such names (RFC 6531).
 */
static bool
is_plain_local(struct span s)
{
	ssize_t plus = span_find(s, '+');

	if (plus <= 0)
		return is_plain(s);
	for (size_t i = (size_t)plus; i < s.n; i++)
		if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f)
			return false;
	return is_plain(span_first(s, (size_t)plus)) && charset_is_utf8(s);
}

static bool
put_copy(struct span s, char *out, size_t size)
{
	if (s.n >= size)
		return false;
	memcpy(out, s.p, s.n);
	out[s.n] = '\0';
	return true;
}

/* RFC 5321 4.1.2: "a\"b" is the local part a"b. */
static bool
unquote(struct span s, char *out, size_t size)
{
	size_t n = 0;

	for (size_t i = 1; i + 1 < s.n; i++) {
		if (s.p[i] == '"' || (s.p[i] == '\\' && i + 2 == s.n))
			return false;
		if (s.p[i] == '\\')
			i++;
		if (n + 1 >= size)
			return false;
		out[n++] = s.p[i];
	}
	out[n] = '\0';
	return n > 0 && is_plain_local(span_make(out, n));
}

/* Small letters for the local part; the detail keeps its own, as names of folders do. */
static bool
put_local(struct span s, struct address *out)
{
	bool is_quoted = s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"';
	const char *plus;

	if (is_quoted ? !unquote(s, out->local, sizeof(out->local))
	    : !is_plain_local(s) || !put_copy(s, out->local, sizeof(out->local)))
		return false;
	plus = strchr(out->local, '+');
	snprintf(out->detail, sizeof(out->detail), "%s", plus != NULL ? plus + 1 : "");
	for (char *c = out->local; *c != '\0'; c++)
		*c = char_lower(*c);
	return true;
}

bool
address_split(struct span text, struct address *out)
{
	ssize_t at = span_rfind(text, '@');
	struct span domain;

	out->domain[0] = out->detail[0] = '\0';
	if (at < 0)
		return span_is_nocase(text, "postmaster") && put_lower(text, out->local, sizeof(out->local));
	domain = span_from(text, (size_t)at + 1);
	return is_plain(domain) && span_find(domain, '/') < 0 && put_lower(domain, out->domain, sizeof(out->domain))
		&& put_local(span_first(text, (size_t)at), out);
}
