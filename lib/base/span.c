/*
 * span: borrowed text.  No function here reads past s.n or needs a NUL, so
 * spans over network buffers and over mapped files are safe alike.
 */
#include "base/base.h"
#include "base/span.h"

struct span
span_of(const char *text)
{
	return (struct span){ text, text != NULL ? strlen(text) : 0 };
}

struct span
span_make(const void *p, size_t n)
{
	return (struct span){ p, n };
}

bool
char_is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool
char_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool
char_is_alnum(char c)
{
	return char_is_alpha(c) || char_is_digit(c);
}

char
char_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

int
char_hex(char c)
{
	if (char_is_digit(c))
		return c - '0';
	c = char_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool
span_eq(struct span a, struct span b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool
span_eq_nocase(struct span a, struct span b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (char_lower(a.p[i]) != char_lower(b.p[i]))
			return false;
	return true;
}

bool
span_is(struct span a, const char *text)
{
	return span_eq(a, span_of(text));
}

bool
span_is_nocase(struct span a, const char *text)
{
	return span_eq_nocase(a, span_of(text));
}

bool
span_starts(struct span s, struct span prefix)
{
	return s.n >= prefix.n && span_eq(span_first(s, prefix.n), prefix);
}

bool
span_starts_nocase(struct span s, struct span prefix)
{
	return s.n >= prefix.n && span_eq_nocase(span_first(s, prefix.n), prefix);
}

bool
span_ends_nocase(struct span s, struct span suffix)
{
	return s.n >= suffix.n && span_eq_nocase(span_from(s, s.n - suffix.n), suffix);
}

int
span_cmp(struct span a, struct span b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int order = n > 0 ? memcmp(a.p, b.p, n) : 0;

	if (order != 0)
		return order;
	return a.n < b.n ? -1 : a.n > b.n;
}

ssize_t
span_find(struct span s, char c)
{
	const char *at = s.n > 0 ? memchr(s.p, c, s.n) : NULL;

	return at != NULL ? at - s.p : -1;
}

ssize_t
span_rfind(struct span s, char c)
{
	const char *at = s.n > 0 ? memrchr(s.p, c, s.n) : NULL;

	return at != NULL ? at - s.p : -1;
}

ssize_t
span_search(struct span s, struct span what)
{
	const char *at;

	if (what.n == 0)
		return 0;
	if (s.n < what.n)
		return -1;
	at = memmem(s.p, s.n, what.p, what.n);
	return at != NULL ? at - s.p : -1;
}

ssize_t
span_search_nocase(struct span s, struct span what)
{
	if (what.n == 0)
		return 0;
	for (size_t i = 0; i + what.n <= s.n; i++)
		if (char_lower(s.p[i]) == char_lower(what.p[0]) &&
		    span_eq_nocase(span_make(s.p + i, what.n), what))
			return (ssize_t)i;
	return -1;
}

struct span
span_from(struct span s, size_t from)
{
	if (from >= s.n)
		return span_make(s.p != NULL ? s.p + s.n : NULL, 0);
	return span_make(s.p + from, s.n - from);
}

struct span
span_first(struct span s, size_t n)
{
	return span_make(s.p, n < s.n ? n : s.n);
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct span
span_trim(struct span s)
{
	while (s.n > 0 && is_blank(s.p[0])) {
		s.p++;
		s.n--;
	}
	while (s.n > 0 && is_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

struct span
span_cut(struct span *rest, char c)
{
	struct span head = *rest;
	ssize_t at = span_find(*rest, c);

	if (at < 0) {
		*rest = SPAN_NONE;
		return head;
	}
	head.n = (size_t)at;
	rest->p += at + 1;
	rest->n -= (size_t)at + 1;
	return head;
}

struct span
span_word(struct span *rest)
{
	struct span word;

	while (rest->n > 0 && (rest->p[0] == ' ' || rest->p[0] == '\t')) {
		rest->p++;
		rest->n--;
	}
	word = span_make(rest->p, 0);
	while (rest->n > 0 && rest->p[0] != ' ' && rest->p[0] != '\t') {
		rest->p++;
		rest->n--;
		word.n++;
	}
	return word;
}
