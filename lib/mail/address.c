/*
 * Address lists, read leniently in one pass.
 *
 * Trust: hostile text.  Every step takes at least one byte; unescaped text is
 * written to one scratch area as long as the value, which is enough because
 * each word put there is no longer than what it was read from, and a space
 * between two words stands for at least one byte between them.
 */
#include "base/base.h"
#include "base/limits.h"
#include "mail/address.h"

struct reader {
	const char *p, *end;
	char *out;		/* free part of the scratch area */
	struct span comment;	/* the last comment seen: an old form of display name */
	struct address_list *list;
	size_t room;
	bool in_group;
};

static bool
is_special(char c)
{
	return strchr("()<>@,;:\"[]", c) != NULL && c != '\0';
}

static bool
is_white(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Behind a comment, nested ones included; a backslash takes the next byte. */
static void
skip_comment(struct reader *r)
{
	const char *start = r->p + 1;
	unsigned depth = 0;

	for (; r->p < r->end; r->p++) {
		if (*r->p == '(')
			depth++;
		else if (*r->p == ')' && --depth == 0)
			break;
		else if (*r->p == '\\' && r->p + 1 < r->end)
			r->p++;
	}
	r->comment = span_trim(span_make(start, (size_t)(r->p - start)));
	if (r->p < r->end)
		r->p++;
}

static bool
skip_blanks(struct reader *r)
{
	const char *start = r->p;

	while (r->p < r->end) {
		if (*r->p == '(')
			skip_comment(r);
		else if (is_white(*r->p))
			r->p++;
		else
			break;
	}
	return r->p != start;
}

static bool
at(const struct reader *r, char c)
{
	return r->p < r->end && *r->p == c;
}

/* Copy a quoted string without quotes and backslashes; an open one ends with the text. */
static void
take_quoted(struct reader *r)
{
	for (r->p++; r->p < r->end && *r->p != '"'; r->p++) {
		if (*r->p == '\\' && r->p + 1 < r->end)
			r->p++;
		if (*r->p != '\r' && *r->p != '\n')
			*r->out++ = *r->p;
	}
	if (r->p < r->end)
		r->p++;
}

static void
take_atom(struct reader *r)
{
	while (r->p < r->end && !is_special(*r->p) && !is_white(*r->p))
		*r->out++ = *r->p++;
}

/* Words up to a special character; a blank between two becomes one space, or nothing. */
static struct span
take_words(struct reader *r, bool spaces)
{
	char *start = r->out;
	bool any = false;

	for (;;) {
		bool gap = skip_blanks(r);

		if (r->p == r->end || (is_special(*r->p) && *r->p != '"'))
			break;
		if (any && gap && spaces)
			*r->out++ = ' ';
		any = true;
		if (*r->p == '"')
			take_quoted(r);
		else
			take_atom(r);
	}
	return any ? span_make(start, (size_t)(r->out - start)) : SPAN_NONE;
}

/* A domain or a literal in brackets; ends where neither goes on. */
static struct span
take_domain(struct reader *r)
{
	char *start = r->out;

	skip_blanks(r);
	if (at(r, '[')) {
		while (r->p < r->end && *r->p != ']')
			*r->out++ = *r->p++;
		if (r->p < r->end)
			*r->out++ = *r->p++;
		return span_make(start, (size_t)(r->out - start));
	}
	take_words(r, false);
	return span_make(start, (size_t)(r->out - start));
}

static void
add(struct reader *r, struct address a)
{
	if (r->list->count == r->room) {
		r->list->truncated = true;
		return;
	}
	r->list->items[r->list->count++] = a;
}

/* The obsolete route "@a,@b:" before the address inside < >. */
static struct span
take_route(struct reader *r)
{
	const char *start = r->p;
	const char *p = start;

	if (!at(r, '@'))
		return SPAN_NONE;
	while (p < r->end && *p != ':' && *p != '>')
		p++;
	if (p == r->end || *p == '>')
		return SPAN_NONE;
	r->p = p + 1;
	return span_make(start, (size_t)(p - start));
}

/* After "<": up to the ">" that closes it, or the next comma outside the domain. */
static void
take_angle(struct reader *r, struct span name)
{
	struct address a = { .name = name };

	r->p++;
	skip_blanks(r);
	a.route = take_route(r);
	a.local = take_words(r, false);
	if (at(r, '@')) {
		r->p++;
		a.domain = take_domain(r);
	}
	if (a.domain.p == NULL)
		a.domain = SPAN("");
	if (a.local.p == NULL)
		a.local = SPAN("");
	while (r->p < r->end && *r->p != '>' && *r->p != ',' && *r->p != ';')
		r->p++;
	if (at(r, '>'))
		r->p++;
	add(r, a);
}

/* The text up to end, blanks made one. */
static struct span
take_text(struct reader *r, const char *end)
{
	char *start = r->out;

	for (; r->p < end; r->p++) {
		if (!is_white(*r->p))
			*r->out++ = *r->p;
		else if (r->out > start && r->out[-1] != ' ')
			*r->out++ = ' ';
	}
	return span_trim(span_make(start, (size_t)(r->out - start)));
}

/*
 * "local@domain (Name)": words were read as a phrase, so read them again as a local
 * part.  Where "<" follows, as in "a@b <c@d>", every reader shows c@d: all before it is a name.
 */
static void
take_bare(struct reader *r, const char *start, char *scratch)
{
	struct address a = { .domain = SPAN("") };
	const char *end;

	r->p = start;
	r->out = scratch;
	r->comment = SPAN_NONE;
	a.local = take_words(r, false);
	if (a.local.p == NULL)
		a.local = SPAN("");
	if (at(r, '@')) {
		r->p++;
		a.domain = take_domain(r);
	}
	skip_blanks(r);
	if (r->comment.n > 0)
		a.name = r->comment;
	while (r->p < r->end && *r->p != ',' && *r->p != ';' && *r->p != '<') {
		if (*r->p == '(')
			skip_comment(r);
		else
			r->p++;
	}
	if (!at(r, '<')) {
		add(r, a);
		return;
	}
	end = r->p;
	r->p = start;
	r->out = scratch;
	take_angle(r, take_text(r, end));
}

static void
end_group(struct reader *r)
{
	if (r->in_group)
		add(r, (struct address){ .name = SPAN_NONE });
	r->in_group = false;
}

static void
take_one(struct reader *r)
{
	const char *start = r->p;
	char *scratch = r->out;
	struct span words = take_words(r, true);

	if (at(r, '<')) {
		take_angle(r, words);
	} else if (at(r, ':') && !r->in_group) {
		r->p++;
		r->in_group = true;
		add(r, (struct address){ .local = words.p != NULL ? words : SPAN("") });
	} else if (at(r, '@') || words.p != NULL) {
		take_bare(r, start, scratch);
	} else if (r->p < r->end) {
		r->p++;			/* a stray special character */
	}
}

/* No value holds more entries than separators, each group has two of its own. */
static size_t
most_entries(struct span value)
{
	size_t n = 2;

	for (size_t i = 0; i < value.n && n < LIMIT_HEADER_ADDRESSES; i++)
		n += strchr(",;:<>@\"()[]", value.p[i]) != NULL;
	return n < LIMIT_HEADER_ADDRESSES ? n : LIMIT_HEADER_ADDRESSES;
}

void
address_parse_list(struct span value, struct arena *a, struct address_list *out)
{
	struct reader r = { .p = value.p, .list = out };

	*out = (struct address_list){ .truncated = true };
	if (value.n == 0 || (r.out = arena_get(a, value.n + 1)) == NULL) {
		out->truncated = value.n > 0;
		return;
	}
	r.end = value.p + value.n;
	r.room = most_entries(value);
	out->items = arena_get(a, r.room * sizeof(*out->items));
	if (out->items == NULL)
		return;
	out->truncated = false;
	while (!out->truncated) {
		skip_blanks(&r);
		if (r.p == r.end)
			break;
		if (*r.p == ';')
			end_group(&r);
		if (*r.p == ',' || *r.p == ';')
			r.p++;
		else
			take_one(&r);
	}
	end_group(&r);
}

static bool
is_dot_atom(struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c <= ' ' || c == 0x7f || c == '\\' || is_special((char)c))
			return false;
		if (c == '.' && (i == 0 || i + 1 == s.n || s.p[i + 1] == '.'))
			return false;
	}
	return s.n > 0;
}

void
address_print(struct span local, struct span domain, struct buf *out)
{
	if (is_dot_atom(local)) {
		buf_span(out, local);
	} else {
		buf_char(out, '"');
		for (size_t i = 0; i < local.n; i++) {
			if (local.p[i] == '"' || local.p[i] == '\\')
				buf_char(out, '\\');
			buf_char(out, local.p[i]);
		}
		buf_char(out, '"');
	}
	if (domain.n > 0) {
		buf_char(out, '@');
		buf_span(out, domain);
	}
}
