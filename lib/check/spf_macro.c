/*
 * spf_macro: see spf_macro.h.
 *
 * Trust: the domain-spec and most values come from strangers.  A result that
 * would pass LIMIT_SPF_EXPANSION counts as no name; parts are spans, so that no
 * table of them is kept.
 */
#include "base/base.h"
#include "check/spf_macro.h"

#include "base/buf.h"
#include "base/limits.h"
#include "base/num.h"

/* RFC 7208 7.3 asks for at least 127 parts; no name has more labels. */
#define PARTS_MAX 127
#define NAME_LONGEST 253
#define LABEL_LONGEST 63

/* "%{d2r.-}" taken apart. */
struct macro {
	char letter;		/* as written: upper case means URL escapes */
	int parts;		/* 0: all */
	bool reversed;
	struct span delimiters;	/* empty: "." */
};

static bool
is_one_of(char c, const char *set)
{
	return c != '\0' && strchr(set, c) != NULL;
}

/* Read one macro behind "%{" from *rest, its "}" included. */
static bool
read_macro(struct span *rest, struct macro *m)
{
	size_t at = 1, digits, delimiters;

	*m = (struct macro){ .letter = rest->n > 0 ? rest->p[0] : '\0' };
	if (!is_one_of(char_lower(m->letter), "slodipvh"))
		return false;
	for (digits = at; at < rest->n && char_is_digit(rest->p[at]); at++)
		;
	if (at > digits && (!num_parse_int(span_make(rest->p + digits, at - digits), PARTS_MAX, &m->parts) || m->parts == 0))
		return false;
	if (at < rest->n && char_lower(rest->p[at]) == 'r') {
		m->reversed = true;
		at++;
	}
	for (delimiters = at; at < rest->n && is_one_of(rest->p[at], ".-+,/_="); at++)
		;
	m->delimiters = span_make(rest->p + delimiters, at - delimiters);
	if (at >= rest->n || rest->p[at] != '}')
		return false;
	*rest = span_from(*rest, at + 1);
	return true;
}

enum piece { PIECE_END, PIECE_BAD, PIECE_CHAR, PIECE_MACRO };

/* Read one character, one escape or one macro of a macro-string. */
static enum piece
read_piece(struct span *rest, const char **text, struct macro *m)
{
	static const char *const escapes[] = { "%", " ", "%20" };
	static const char marks[] = "%_-";
	const char *mark;
	char c;

	if (rest->n == 0)
		return PIECE_END;
	c = rest->p[0];
	*rest = span_from(*rest, 1);
	if (c != '%') {
		*text = NULL;
		m->letter = c;
		return c > 0x20 && c < 0x7f ? PIECE_CHAR : PIECE_BAD;
	}
	if (rest->n == 0)
		return PIECE_BAD;
	c = rest->p[0];
	*rest = span_from(*rest, 1);
	if (c == '{')
		return read_macro(rest, m) ? PIECE_MACRO : PIECE_BAD;
	mark = c != '\0' ? strchr(marks, c) : NULL;
	if (mark == NULL)
		return PIECE_BAD;
	*text = escapes[mark - marks];
	return PIECE_CHAR;
}

/* *last: the kind of the last piece. */
static bool
is_string(struct span s, enum piece *last, bool *needs_p)
{
	const char *text;
	struct macro m;

	*last = PIECE_END;
	*needs_p = false;
	for (;;) {
		enum piece piece = read_piece(&s, &text, &m);

		if (piece == PIECE_END || piece == PIECE_BAD)
			return piece == PIECE_END;
		*needs_p |= piece == PIECE_MACRO && char_lower(m.letter) == 'p';
		*last = piece == PIECE_CHAR && text != NULL ? PIECE_MACRO : piece;
	}
}

bool
spf_macro_is_string(struct span s)
{
	enum piece last;
	bool p;

	return is_string(s, &last, &p);
}

bool
spf_macro_needs_p(struct span s)
{
	enum piece last;
	bool p;

	return is_string(s, &last, &p) && p;
}

/* toplabel: letters, digits and inner hyphens, not digits alone. */
static bool
is_top_label(struct span s)
{
	bool plain = false;

	if (s.n == 0 || s.p[0] == '-' || s.p[s.n - 1] == '-')
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (!char_is_alnum(s.p[i]) && s.p[i] != '-')
			return false;
		plain |= !char_is_digit(s.p[i]);
	}
	return plain;
}

/* domain-end: a macro or escape, or a dot and a top label and perhaps a dot. */
bool
spf_macro_is_domain(struct span s)
{
	enum piece last;
	ssize_t dot;
	bool p;

	if (!is_string(s, &last, &p) || last == PIECE_END)
		return false;
	if (last == PIECE_MACRO)
		return true;
	if (s.p[s.n - 1] == '.')
		s = span_first(s, s.n - 1);
	dot = span_rfind(s, '.');
	return dot >= 0 && is_top_label(span_from(s, (size_t)dot + 1));
}

/* The address with dots: four numbers, or 32 nibbles (7.3). */
static void
put_ip(const struct addr *a, struct buf *out)
{
	if (a->family == AF_INET) {
		buf_printf(out, "%u.%u.%u.%u", a->ip[0], a->ip[1], a->ip[2], a->ip[3]);
		return;
	}
	for (size_t i = 0; i < 16; i++)
		buf_printf(out, "%s%x.%x", i > 0 ? "." : "", (unsigned)a->ip[i] >> 4, (unsigned)a->ip[i] & 15);
}

static void
put_value(char letter, const struct spf_macro_values *v, struct buf *out)
{
	switch (letter) {
	case 's':
		buf_span(out, v->local);
		buf_char(out, '@');
		buf_span(out, v->sender_domain);
		return;
	case 'l':
		buf_span(out, v->local);
		return;
	case 'o':
		buf_span(out, v->sender_domain);
		return;
	case 'd':
		buf_span(out, v->domain);
		return;
	case 'h':
		buf_span(out, v->helo);
		return;
	case 'p':
		buf_span(out, v->validated);
		return;
	case 'v':
		buf_text_put(out, v->ip.family == AF_INET ? "in-addr" : "ip6");
		return;
	case 'i':
	default:
		put_ip(&v->ip, out);
	}
}

static bool
is_delimiter(const struct macro *m, char c)
{
	return m->delimiters.n == 0 ? c == '.' : span_find(m->delimiters, c) >= 0;
}

/* The part that ends before `end`; *start is where it begins. */
static struct span
part_before(const struct macro *m, struct span value, size_t end, size_t *start)
{
	*start = end;
	while (*start > 0 && !is_delimiter(m, value.p[*start - 1]))
		(*start)--;
	return span_make(value.p + *start, end - *start);
}

/* Unreserved characters of RFC 3986 stay. */
static void
put_part(struct span part, bool escape, struct buf *out)
{
	for (size_t i = 0; i < part.n; i++) {
		char c = part.p[i];

		if (!escape || char_is_alnum(c) || is_one_of(c, "-._~"))
			buf_char(out, c);
		else
			buf_printf(out, "%%%02X", (unsigned)(unsigned char)c);
	}
}

/* From the right: part by part, so the right-hand ones are counted either way. */
static void
put_reversed(const struct macro *m, struct span value, bool escape, struct buf *out)
{
	size_t end = value.n, start, skip = 0, count = 1;

	for (size_t i = 0; i < value.n; i++)
		count += is_delimiter(m, value.p[i]);
	/* the right-hand parts of the reversed list are the left-hand ones of the value */
	if (m->parts > 0 && count > (size_t)m->parts)
		skip = count - (size_t)m->parts;
	for (size_t i = 0; i < count; i++) {
		struct span part = part_before(m, value, end, &start);

		if (i >= skip) {
			if (i > skip)
				buf_char(out, '.');
			put_part(part, escape, out);
		}
		end = start > 0 ? start - 1 : 0;
	}
}

static void
put_forward(const struct macro *m, struct span value, bool escape, struct buf *out)
{
	size_t count = 1, skip, at = 0;

	for (size_t i = 0; i < value.n; i++)
		count += is_delimiter(m, value.p[i]);
	skip = m->parts > 0 && count > (size_t)m->parts ? count - (size_t)m->parts : 0;
	for (size_t i = 0; i < count; i++) {
		size_t start = at;

		while (at < value.n && !is_delimiter(m, value.p[at]))
			at++;
		if (i >= skip) {
			if (i > skip)
				buf_char(out, '.');
			put_part(span_make(value.p + start, at - start), escape, out);
		}
		at++;
	}
}

static void
put_macro(const struct macro *m, const struct spf_macro_values *v, struct buf *out)
{
	bool escape = m->letter != char_lower(m->letter);
	struct buf value;

	buf_init(&value, LIMIT_SPF_EXPANSION);
	put_value(char_lower(m->letter), v, &value);
	if (value.overflow)
		out->overflow = true;
	else if (m->reversed)
		put_reversed(m, buf_view(&value), escape, out);
	else
		put_forward(m, buf_view(&value), escape, out);
	buf_free(&value);
}

/* 7.3: labels go from the left until the name fits. */
static struct span
shorten(struct span name)
{
	if (name.n > 0 && name.p[name.n - 1] == '.')
		name = span_first(name, name.n - 1);
	while (name.n > NAME_LONGEST) {
		ssize_t dot = span_find(name, '.');

		if (dot < 0)
			return SPAN_NONE;
		name = span_from(name, (size_t)dot + 1);
	}
	return name;
}

bool
spf_macro_is_name(struct span s)
{
	if (s.n == 0 || s.n > NAME_LONGEST)
		return false;
	while (s.p != NULL) {
		size_t n = span_cut(&s, '.').n;

		if (n == 0 || n > LABEL_LONGEST)
			return false;
	}
	return true;
}

bool
spf_macro_expand(struct span s, const struct spf_macro_values *v, char out[DNS_NAME_MAX])
{
	struct buf text;
	struct macro m;
	const char *escape;
	struct span name;
	enum piece piece;

	buf_init(&text, LIMIT_SPF_EXPANSION);
	while ((piece = read_piece(&s, &escape, &m)) == PIECE_CHAR || piece == PIECE_MACRO) {
		if (piece == PIECE_MACRO)
			put_macro(&m, v, &text);
		else if (escape != NULL)
			buf_text_put(&text, escape);
		else
			buf_char(&text, m.letter);
	}
	name = shorten(buf_view(&text));
	out[0] = '\0';
	if (!text.overflow && piece == PIECE_END && spf_macro_is_name(name) && span_find(name, '\0') < 0) {
		memcpy(out, name.p, name.n);
		out[name.n] = '\0';
	}
	buf_free(&text);
	return out[0] != '\0';
}
