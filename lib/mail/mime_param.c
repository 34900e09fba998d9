/*
 * Values with parameters, leniently.
 *
 * Trust: hostile text.  One pass, at most LIMIT_MIME_PARAMS parameters are
 * kept and joining RFC 2231 parts looks at those only, so time is linear in
 * the text.  A full arena ends the reading as if the text ended there.
 */
#include "base/base.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/num.h"
#include "mail/charset.h"
#include "mail/mime_param.h"
#include "mail/header.h"

static bool
is_white(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* RFC 2045 5.1 token, and 8-bit bytes, which are seen in practice. */
static bool
is_token(char c)
{
	return (unsigned char)c > ' ' && c != 0x7f && strchr("()<>@,;:\\\"/[]?=", c) == NULL;
}

static struct span
take_token(struct span *s)
{
	size_t n = 0;
	struct span token;

	header_skip_blanks(s);
	while (n < s->n && is_token(s->p[n]))
		n++;
	token = span_first(*s, n);
	*s = span_from(*s, n);
	return token;
}

/* How long the quoted string at s is, quotes included; an open one takes all. */
static size_t
quoted_length(struct span s)
{
	size_t i = 1;

	while (i < s.n && s.p[i] != '"')
		i += s.p[i] == '\\' && i + 1 < s.n ? 2 : 1;
	return i < s.n ? i + 1 : s.n;
}

static bool
take_quoted(struct span *s, struct arena *a, struct span *out)
{
	size_t n = quoted_length(*s);
	struct span inside = span_from(span_first(*s, n), 1);
	char *text = arena_get(a, n + 1);
	size_t used = 0;

	if (text == NULL)
		return false;
	for (size_t i = 0; i < inside.n && inside.p[i] != '"'; i++) {
		if (inside.p[i] == '\\' && i + 1 < inside.n)
			i++;
		if (inside.p[i] != '\r' && inside.p[i] != '\n')
			text[used++] = inside.p[i];
	}
	*out = span_make(text, used);
	*s = span_from(*s, n);
	return true;
}

bool
mime_word(struct span *rest, struct arena *a, struct span *out)
{
	header_skip_blanks(rest);
	if (rest->n > 0 && rest->p[0] == '"')
		return take_quoted(rest, a, out);
	*out = take_token(rest);
	return out->n > 0;
}

/* An unquoted value may hold what is no token ("boundary=a=b", "name=a/b"): up to a blank or ";". */
static struct span
take_loose(struct span *s)
{
	size_t n = 0;
	struct span value;

	while (n < s->n && s->p[n] != ';' && s->p[n] != '(' && !is_white(s->p[n]))
		n++;
	value = span_first(*s, n);
	*s = span_from(*s, n);
	return value;
}

static bool
take_value(struct span *s, struct arena *a, struct span *out)
{
	header_skip_blanks(s);
	if (s->n > 0 && s->p[0] == '"')
		return take_quoted(s, a, out);
	*out = take_loose(s);
	return true;
}

static bool
skip_to_semicolon(struct span *s)
{
	for (;;) {
		header_skip_blanks(s);
		if (s->n == 0)
			return false;
		if (s->p[0] == ';') {
			*s = span_from(*s, 1);
			return true;
		}
		*s = span_from(*s, s->p[0] == '"' ? quoted_length(*s) : 1);
	}
}

static void
take_params(struct span rest, struct arena *a, struct mime_value *out)
{
	while (out->count < LIMIT_MIME_PARAMS && skip_to_semicolon(&rest)) {
		struct mime_param p = { .name = take_token(&rest) };

		header_skip_blanks(&rest);
		if (p.name.n == 0 || rest.n == 0 || rest.p[0] != '=')
			continue;
		rest = span_from(rest, 1);
		if (!take_value(&rest, a, &p.value))
			return;
		out->params[out->count++] = p;
	}
}

bool
mime_value_parse_raw(struct span value, struct arena *a, struct mime_value *out)
{
	*out = (struct mime_value){ .count = 0 };
	out->type = take_token(&value);
	if (out->type.n == 0)
		return false;
	out->params = arena_get(a, LIMIT_MIME_PARAMS * sizeof(*out->params));
	if (out->params == NULL)
		return false;
	header_skip_blanks(&value);
	if (value.n > 0 && value.p[0] == '/') {
		value = span_from(value, 1);
		out->subtype = take_token(&value);
		if (out->subtype.n == 0)
			out->subtype = SPAN_NONE;
	}
	take_params(value, a, out);
	return true;
}

/* A parameter name "name*3*" taken apart: section is -1 without a number. */
struct extended {
	struct span base;
	int section;
	bool encoded;
};

static struct extended
name_parts(struct span name)
{
	struct extended e = { .base = name, .section = -1 };
	ssize_t star;

	if (name.n > 1 && name.p[name.n - 1] == '*') {
		e.encoded = true;
		e.base.n--;
	}
	star = span_rfind(e.base, '*');
	if (star > 0 && num_parse_int(span_from(e.base, (size_t)star + 1), LIMIT_MIME_PARAMS, &e.section))
		e.base.n = (size_t)star;
	return e;
}

static const struct mime_param *
find_section(const struct mime_value *v, struct span base, int section, bool *encoded)
{
	for (size_t i = 0; i < v->count; i++) {
		struct extended e = name_parts(v->params[i].name);

		if (e.section == section && span_eq_nocase(e.base, base)) {
			*encoded = e.encoded;
			return &v->params[i];
		}
	}
	return NULL;
}

static void
put_percent(struct span s, struct buf *out)
{
	for (size_t i = 0; i < s.n; i++) {
		int high = s.p[i] == '%' && i + 2 < s.n ? char_hex(s.p[i + 1]) : -1;
		int low = high >= 0 ? char_hex(s.p[i + 2]) : -1;

		if (low >= 0) {
			buf_char(out, (char)(high << 4 | low));
			i += 2;
		} else {
			buf_char(out, s.p[i]);
		}
	}
}

/* RFC 2231 4: charset'language'text; without the quotes the whole is text. */
static struct span
cut_charset(struct span *value)
{
	ssize_t first = span_find(*value, '\'');
	ssize_t second = first < 0 ? -1 : span_find(span_from(*value, (size_t)first + 1), '\'');
	struct span charset;

	if (second < 0)
		return SPAN_NONE;
	charset = span_first(*value, (size_t)first);
	*value = span_from(*value, (size_t)(first + second) + 2);
	return charset;
}

static struct span
keep(struct buf *text, struct arena *a)
{
	char *copy = arena_copy(a, buf_view(text));

	return copy != NULL ? span_make(copy, text->n) : SPAN("");
}

/* Sections 0, 1, 2 … of one parameter, up to the first gap, decoded. */
static struct span
join(const struct mime_value *raw, struct span base, struct arena *a)
{
	struct buf bytes, utf8;
	struct span charset = SPAN_NONE, result;
	bool encoded = false;
	const struct mime_param *p = find_section(raw, base, -1, &encoded);
	int section = p != NULL ? -1 : 0;

	buf_init(&bytes, LIMIT_MIME_PARAM_VALUE);
	buf_init(&utf8, LIMIT_MIME_PARAM_VALUE);
	if (p == NULL)
		p = find_section(raw, base, section, &encoded);
	for (; p != NULL; p = section < 0 ? NULL : find_section(raw, base, ++section, &encoded)) {
		struct span value = p->value;

		if (encoded && section <= 0)
			charset = cut_charset(&value);
		if (encoded)
			put_percent(value, &bytes);
		else
			buf_span(&bytes, value);
	}
	if (charset.n > 0 && charset_decode(buf_view(&bytes), charset, &utf8))
		result = keep(&utf8, a);
	else
		result = keep(&bytes, a);
	buf_free(&bytes);
	buf_free(&utf8);
	return result;
}

static bool
has_param(const struct mime_value *v, struct span name)
{
	for (size_t i = 0; i < v->count; i++)
		if (span_eq_nocase(v->params[i].name, name))
			return true;
	return false;
}

bool
mime_value_parse(struct span value, struct arena *a, struct mime_value *out)
{
	struct mime_value raw;

	if (!mime_value_parse_raw(value, a, &raw))
		return false;
	*out = raw;
	out->count = 0;
	out->params = arena_get(a, LIMIT_MIME_PARAMS * sizeof(*out->params));
	for (size_t i = 0; out->params != NULL && i < raw.count; i++) {
		struct extended e = name_parts(raw.params[i].name);
		bool plain = !e.encoded && e.section < 0;
		struct mime_param p = { .name = e.base };

		if (has_param(out, e.base))
			continue;
		p.value = plain ? raw.params[i].value : join(&raw, e.base, a);
		out->params[out->count++] = p;
	}
	return true;
}

struct span
mime_value_param(const struct mime_value *v, const char *name)
{
	for (size_t i = 0; i < v->count; i++)
		if (span_is_nocase(v->params[i].name, name))
			return v->params[i].value;
	return SPAN_NONE;
}
