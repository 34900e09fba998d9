/*
 * smtp/path: reading addresses of the envelope.
 *
 * Trust: every byte comes from outside.  A quoted local part is unquoted while
 * it is read and quoted again, by one rule, when it is written, so that no
 * unusual spelling survives into the envelope.  What RFC 5321 and 6531 do not
 * allow (control characters, 8-bit text that is not UTF-8, comments, blanks) is
 * refused, not repaired.
 */
#include "base/base.h"
#include "smtp/path.h"
#include <arpa/inet.h>
#include <idn2.h>

static bool
is_eight_bit(char c)
{
	return ((unsigned char)c & 0x80) != 0;
}

/*
 * Bytes of the UTF-8 character at the start of s (RFC 3629: shortest form, no
 * surrogates), 0 when there is none.  C1 controls count as none.
 */
static size_t
utf8_length(struct span s)
{
	static const struct { unsigned char mask, lead; uint32_t least; } forms[] = {
		{ 0xe0, 0xc0, 0xa0 }, { 0xf0, 0xe0, 0x800 }, { 0xf8, 0xf0, 0x10000 }
	};
	unsigned char c = (unsigned char)s.p[0];

	for (size_t n = 2; n <= 4; n++) {
		uint32_t value = c & (unsigned char)~forms[n - 2].mask;

		if ((c & forms[n - 2].mask) != forms[n - 2].lead)
			continue;
		if (s.n < n)
			return 0;
		for (size_t i = 1; i < n; i++) {
			if (((unsigned char)s.p[i] & 0xc0) != 0x80)
				return 0;
			value = value << 6 | ((unsigned char)s.p[i] & 0x3f);
		}
		return value < forms[n - 2].least || value > 0x10ffff ||
		       (value >= 0xd800 && value < 0xe000) ? 0 : n;
	}
	return 0;
}

/* Every byte over 0x7f is part of a UTF-8 character; *found says that there was one. */
static bool
is_utf8(struct span s, bool *found)
{
	for (size_t i = 0, n; i < s.n; i += n) {
		n = is_eight_bit(s.p[i]) ? utf8_length(span_from(s, i)) : 1;
		if (n == 0)
			return false;
		*found |= n > 1;
	}
	return true;
}

static bool
is_atext(char c)
{
	return is_eight_bit(c) || char_is_alnum(c) || (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

static bool
is_printable(char c)
{
	return (c >= 0x20 && c < 0x7f) || is_eight_bit(c);
}

/* 1*atext *("." 1*atext) */
static bool
is_dot_string(struct span s)
{
	bool dot = true;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '.' ? dot : !is_atext(s.p[i]))
			return false;
		dot = s.p[i] == '.';
	}
	return !dot;
}

static bool
label_is_valid(struct span label)
{
	if (label.n == 0 || label.n > 63 || label.p[0] == '-' || label.p[label.n - 1] == '-')
		return false;
	for (size_t i = 0; i < label.n; i++)
		if (!char_is_alnum(label.p[i]) && label.p[i] != '-' && label.p[i] != '_')
			return false;
	return true;
}

bool
smtp_domain_is_valid(struct span s)
{
	if (s.n == 0 || s.n > LIMIT_DOMAIN)
		return false;
	while (s.p != NULL)
		if (!label_is_valid(span_cut(&s, '.')))
			return false;
	return true;
}

/* Print the literal in s, brackets included, in canonical form; false when it is none. */
static bool
literal_canonical(struct span s, struct buf *out)
{
	static const struct span prefix = { "IPv6:", 5 };
	char text[INET6_ADDRSTRLEN] = "";
	unsigned char addr[16];
	bool v6;

	if (s.n < 3 || s.p[0] != '[' || s.p[s.n - 1] != ']')
		return false;
	s = span_make(s.p + 1, s.n - 2);
	v6 = span_starts_nocase(s, prefix);
	if (v6)
		s = span_from(s, prefix.n);
	if (s.n >= sizeof(text) || span_find(s, '\0') >= 0)
		return false;
	memcpy(text, s.p, s.n);
	if (inet_pton(v6 ? AF_INET6 : AF_INET, text, addr) != 1)
		return false;
	inet_ntop(v6 ? AF_INET6 : AF_INET, addr, text, sizeof(text));
	return buf_printf(out, "[%s%s]", v6 ? "IPv6:" : "", text);
}

bool
smtp_literal_is_valid(struct span s)
{
	char storage[80];
	struct buf text;

	buf_init_fixed(&text, storage, sizeof(storage));
	return literal_canonical(s, &text);
}

/* Unquote a quoted string at the start of *in, appending its content to out. */
static enum smtp_path_error
read_quoted(struct span *in, struct buf *out)
{
	size_t i = 1;

	for (; i < in->n && in->p[i] != '"'; i++) {
		if (in->p[i] == '\\' && ++i >= in->n)
			return SMTP_PATH_SYNTAX;
		if (!is_printable(in->p[i]))
			return SMTP_PATH_SYNTAX;
		buf_char(out, in->p[i]);
	}
	if (i >= in->n || out->n == 0)
		return SMTP_PATH_SYNTAX;
	*in = span_from(*in, i + 1);
	return out->overflow ? SMTP_PATH_LONG : SMTP_PATH_OK;
}

static enum smtp_path_error
read_dot_string(struct span *in, struct buf *out)
{
	size_t n = 0;

	while (n < in->n && (is_atext(in->p[n]) || in->p[n] == '.'))
		n++;
	if (!is_dot_string(span_first(*in, n)))
		return SMTP_PATH_SYNTAX;
	if (!buf_put(out, in->p, n))
		return SMTP_PATH_LONG;
	*in = span_from(*in, n);
	return SMTP_PATH_OK;
}

static void
put_local(struct span local, struct buf *out)
{
	if (is_dot_string(local)) {
		buf_span(out, local);
		return;
	}
	buf_char(out, '"');
	for (size_t i = 0; i < local.n; i++) {
		if (local.p[i] == '"' || local.p[i] == '\\')
			buf_char(out, '\\');
		buf_char(out, local.p[i]);
	}
	buf_char(out, '"');
}

/* A name with U-labels, appended in A-labels; it is UTF-8. */
static enum smtp_path_error
put_alabels(struct span domain, struct buf *out)
{
	char name[LIMIT_DOMAIN + 1];
	char *alabels = NULL;
	enum smtp_path_error e = SMTP_PATH_SYNTAX;

	memcpy(name, domain.p, domain.n);
	name[domain.n] = '\0';
	if (idn2_to_ascii_8z(name, &alabels, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) == IDN2_OK &&
	    smtp_domain_is_valid(span_of(alabels)))
		e = buf_text_put(out, alabels) ? SMTP_PATH_OK : SMTP_PATH_LONG;
	idn2_free(alabels);
	return e;
}

/* The domain or literal at the start of *in, appended in canonical form. */
static enum smtp_path_error
read_domain(struct span *in, struct buf *out, struct smtp_path *path)
{
	bool eight_bit = false;
	bool literal = in->n > 0 && in->p[0] == '[';
	size_t n = 0;
	struct span domain;

	while (n < in->n && (literal ? n == 0 || in->p[n - 1] != ']'
				     : is_eight_bit(in->p[n]) || char_is_alnum(in->p[n]) ||
				       strchr("-_.", in->p[n]) != NULL) &&
	       in->p[n] != '\0')
		n++;
	domain = span_first(*in, n);
	*in = span_from(*in, n);
	path->is_literal = literal;
	if (domain.n > LIMIT_DOMAIN)
		return SMTP_PATH_LONG;
	if (!is_utf8(domain, &eight_bit))
		return SMTP_PATH_SYNTAX;
	path->is_utf8 |= eight_bit;
	if (literal)
		return literal_canonical(domain, out) ? SMTP_PATH_OK : SMTP_PATH_SYNTAX;
	if (eight_bit)
		return put_alabels(domain, out);
	if (!smtp_domain_is_valid(domain))
		return SMTP_PATH_SYNTAX;
	for (size_t i = 0; i < domain.n; i++)
		buf_char(out, char_lower(domain.p[i]));
	return SMTP_PATH_OK;
}

/* A mailbox at the start of *in: local part, "@", domain. */
static enum smtp_path_error
read_mailbox(struct span *in, struct smtp_path *out)
{
	char storage[LIMIT_LOCAL_PART + 1];
	struct buf local;
	struct buf text;
	enum smtp_path_error e;

	*out = (struct smtp_path){ .n = 0 };
	if (in->n == 0)
		return SMTP_PATH_SYNTAX;
	buf_init_fixed(&local, storage, sizeof(storage));
	e = in->p[0] == '"' ? read_quoted(in, &local) : read_dot_string(in, &local);
	if (e != SMTP_PATH_OK)
		return e;
	if (!is_utf8(buf_view(&local), &out->is_utf8))
		return SMTP_PATH_SYNTAX;
	buf_init_fixed(&text, out->text, sizeof(out->text));
	put_local(buf_view(&local), &text);
	if (text.n > LIMIT_LOCAL_PART)
		return SMTP_PATH_LONG;
	out->local_n = text.n;
	if (in->n > 0 && in->p[0] == '@') {
		*in = span_from(*in, 1);
		buf_char(&text, '@');
		e = read_domain(in, &text, out);
	} else if (!span_is_nocase(buf_view(&local), "postmaster")) {
		e = SMTP_PATH_SYNTAX;
	}
	out->n = text.n;
	return e;
}

enum smtp_path_error
smtp_path_parse(struct span in, struct smtp_path *out)
{
	enum smtp_path_error e = read_mailbox(&in, out);

	return e == SMTP_PATH_OK && in.n > 0 ? SMTP_PATH_SYNTAX : e;
}

enum smtp_path_error
smtp_path_read(struct span *in, struct smtp_path *out)
{
	enum smtp_path_error e;

	*out = (struct smtp_path){ .n = 0 };
	if (in->n < 2 || in->p[0] != '<')
		return SMTP_PATH_SYNTAX;
	*in = span_from(*in, 1);
	if (in->p[0] == '>') {
		*in = span_from(*in, 1);
		return SMTP_PATH_OK;
	}
	if (in->p[0] == '@')
		return SMTP_PATH_ROUTE;
	e = read_mailbox(in, out);
	if (e != SMTP_PATH_OK)
		return e;
	if (in->n == 0 || in->p[0] != '>')
		return SMTP_PATH_SYNTAX;
	*in = span_from(*in, 1);
	return SMTP_PATH_OK;
}

struct span
smtp_path_view(const struct smtp_path *p)
{
	return span_make(p->text, p->n);
}

struct span
smtp_path_local(const struct smtp_path *p)
{
	return span_make(p->text, p->local_n);
}

struct span
smtp_path_domain(const struct smtp_path *p)
{
	return span_from(smtp_path_view(p), p->local_n + 1);
}

bool
smtp_path_is_null(const struct smtp_path *p)
{
	return p->n == 0;
}

bool
smtp_path_is_postmaster(const struct smtp_path *p)
{
	return span_is_nocase(smtp_path_local(p), "postmaster");
}

bool
smtp_path_eq(const struct smtp_path *a, const struct smtp_path *b)
{
	return span_eq_nocase(smtp_path_view(a), smtp_path_view(b));
}
