/*
 * Words of a command.
 *
 * Trust: the command is hostile, but whole: a literal that claims more bytes
 * than follow is refused.  Quoted strings with escapes are copied to the arena,
 * everything else stays where it is.
 */
#include "base/base.h"
#include "base/limits.h"
#include "base/num.h"
#include "imap/lex.h"

struct arena *
imap_lex_arena(void)
{
	return arena_new(LIMIT_IMAP_ARENA);
}

/* RFC 3501 9: atom-specials, without the list wildcards. */
static bool
is_special(char c)
{
	return (unsigned char)c <= ' ' || (unsigned char)c >= 0x7f || strchr("(){\"\\", c) != NULL;
}

static bool
is_atom_char(char c)
{
	return !is_special(c) && c != '%' && c != '*' && c != ']';
}

static bool
is_astring_char(char c)
{
	return is_atom_char(c) || c == ']';
}

static bool
is_tag_char(char c)
{
	return is_astring_char(c) && c != '+';
}

static bool
is_list_char(char c)
{
	return is_astring_char(c) || c == '%' || c == '*';
}

/* The whole of s as a literal announcement, from its brace on. */
static bool
parse_literal(struct span s, struct imap_literal *out)
{
	struct span digits = span_from(span_first(s, s.n - 1), 1);

	if (digits.n > 0 && digits.p[digits.n - 1] == '+') {
		out->plus = true;
		digits.n--;
	}
	if (digits.n > 20 || !num_parse(digits, INT64_MAX, &out->size))
		out->is_bad = true;
	return true;
}

bool
imap_literal_at_end(struct span line, struct imap_literal *out)
{
	bool quoted = false;

	*out = (struct imap_literal){ .size = 0 };
	if (line.n < 2 || line.p[line.n - 1] != '}')
		return false;
	for (size_t i = 0; i < line.n; i++) {
		if (quoted && line.p[i] == '\\')
			i++;
		else if (line.p[i] == '"')
			quoted = !quoted;
		else if (!quoted && line.p[i] == '{')
			out->at = i + 1;
	}
	if (quoted || out->at == 0)
		return false;
	out->at--;
	if (out->at > 0 && line.p[out->at - 1] == '~')
		out->is_bad = true;	/* literal8: BINARY is not offered */
	return parse_literal(span_from(line, out->at), out);
}

bool
imap_lex_is(const struct imap_lex *x, char c)
{
	return x->rest.n > 0 && x->rest.p[0] == c;
}

bool
imap_lex_char(struct imap_lex *x, char c)
{
	if (!imap_lex_is(x, c))
		return false;
	x->rest = span_from(x->rest, 1);
	return true;
}

bool
imap_lex_space(struct imap_lex *x)
{
	return imap_lex_char(x, ' ');
}

bool
imap_lex_end(const struct imap_lex *x)
{
	return x->rest.n == 0 || span_is(x->rest, "\r\n") || span_is(x->rest, "\n");
}

static bool
take_run(struct imap_lex *x, bool (*is)(char), struct span *out)
{
	size_t n = 0;

	while (n < x->rest.n && is(x->rest.p[n]))
		n++;
	if (n == 0)
		return false;
	*out = span_first(x->rest, n);
	x->rest = span_from(x->rest, n);
	return true;
}

bool
imap_lex_atom(struct imap_lex *x, struct span *out)
{
	return take_run(x, is_atom_char, out);
}

bool
imap_lex_tag(struct imap_lex *x, struct span *out)
{
	struct imap_lex before = *x;

	if (take_run(x, is_tag_char, out) && out->n <= LIMIT_IMAP_TAG)
		return true;
	*x = before;
	return false;
}

bool
imap_lex_word(struct imap_lex *x, const char *word)
{
	struct imap_lex before = *x;
	struct span atom;

	if (imap_lex_atom(x, &atom) && span_is_nocase(atom, word))
		return true;
	*x = before;
	return false;
}

bool
imap_lex_number64(struct imap_lex *x, uint64_t *out)
{
	struct imap_lex before = *x;
	struct span digits;

	if (take_run(x, char_is_digit, &digits) && num_parse(digits, INT64_MAX, out))
		return true;
	*x = before;
	return false;
}

bool
imap_lex_number(struct imap_lex *x, uint32_t *out)
{
	struct imap_lex before = *x;
	uint64_t n;

	if (imap_lex_number64(x, &n) && n <= UINT32_MAX) {
		*out = (uint32_t)n;
		return true;
	}
	*x = before;
	return false;
}

/* Position of the closing quote, or -1; *escapes tells whether there are any. */
static ssize_t
quoted_end(struct span s, bool *escapes)
{
	for (size_t i = 1; i < s.n; i++) {
		char c = s.p[i];

		if (c == '"')
			return (ssize_t)i;
		if (c == '\0' || c == '\r' || c == '\n')
			return -1;
		if (c == '\\') {
			*escapes = true;
			if (++i >= s.n || (s.p[i] != '"' && s.p[i] != '\\'))
				return -1;
		} else if ((unsigned char)c >= 0x80) {
			return -1;	/* RFC 3501 9: TEXT-CHAR is 7-bit */
		}
	}
	return -1;
}

static bool
take_quoted(struct imap_lex *x, struct span *out)
{
	bool escapes = false;
	ssize_t end = quoted_end(x->rest, &escapes);
	struct span inside;
	char *text;
	size_t n = 0;

	if (end < 0)
		return false;
	inside = span_from(span_first(x->rest, (size_t)end), 1);
	x->rest = span_from(x->rest, (size_t)end + 1);
	*out = inside;
	if (!escapes)
		return true;
	text = arena_get(x->arena, inside.n + 1);
	if (text == NULL)
		return false;
	for (size_t i = 0; i < inside.n; i++) {
		if (inside.p[i] == '\\')
			i++;
		text[n++] = inside.p[i];
	}
	*out = span_make(text, n);
	return true;
}

/* "{n}" CRLF and n bytes; NUL is not allowed in them. */
static bool
take_literal(struct imap_lex *x, struct span *out)
{
	ssize_t lf = span_find(x->rest, '\n');
	struct span head = lf > 0 ? span_first(x->rest, (size_t)lf) : SPAN_NONE;
	struct imap_literal lit;

	if (head.n > 0 && head.p[head.n - 1] == '\r')
		head.n--;
	if (head.n < 3 || head.p[0] != '{' || !imap_literal_at_end(head, &lit) || lit.is_bad || lit.at != 0 ||
	    lit.size > x->rest.n - (size_t)lf - 1)
		return false;
	*out = span_first(span_from(x->rest, (size_t)lf + 1), (size_t)lit.size);
	x->rest = span_from(x->rest, (size_t)lf + 1 + (size_t)lit.size);
	return memchr(out->p, '\0', out->n) == NULL;
}

bool
imap_lex_string(struct imap_lex *x, struct span *out)
{
	struct imap_lex before = *x;
	bool taken = imap_lex_is(x, '"') ? take_quoted(x, out) : imap_lex_is(x, '{') && take_literal(x, out);

	if (!taken)
		*x = before;
	return taken;
}

bool
imap_lex_nstring(struct imap_lex *x, struct span *out)
{
	if (imap_lex_word(x, "NIL")) {
		*out = SPAN_NONE;
		return true;
	}
	return imap_lex_string(x, out);
}

bool
imap_lex_astring(struct imap_lex *x, struct span *out)
{
	return take_run(x, is_astring_char, out) || imap_lex_string(x, out);
}

bool
imap_lex_list_mailbox(struct imap_lex *x, struct span *out)
{
	return take_run(x, is_list_char, out) || imap_lex_string(x, out);
}
