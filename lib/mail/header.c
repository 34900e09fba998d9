/*
 * Fields of a header block.
 *
 * Trust: text is hostile.  Every loop moves forward by at least one byte, and
 * nothing is read outside the span.  A field ends at a line end that is not
 * followed by a blank; a line of blanks alone therefore continues the field
 * before it (RFC 5322 4.2), only a wholly empty line ends the header.
 */
#include "base/base.h"
#include "mail/header.h"

/* Length of the first line with its line end. */
static size_t
line_length(struct span s)
{
	ssize_t lf = span_find(s, '\n');

	return lf < 0 ? s.n : (size_t)lf + 1;
}

static size_t
line_end_length(struct span line)
{
	if (line.n == 0 || line.p[line.n - 1] != '\n')
		return 0;
	return line.n > 1 && line.p[line.n - 2] == '\r' ? 2 : 1;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* RFC 5322 2.2: printable US-ASCII but the colon. */
static bool
is_name(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f)
			return false;
	return s.n > 0;
}

static void
take_apart(struct header_field *f)
{
	size_t first = line_length(f->raw);
	struct span line = span_first(f->raw, first - line_end_length(span_first(f->raw, first)));
	ssize_t colon = span_find(line, ':');
	struct span name;

	f->valid = false;
	f->name = f->value = SPAN_NONE;
	if (colon < 0)
		return;
	name = span_first(line, (size_t)colon);
	while (name.n > 0 && is_blank(name.p[name.n - 1]))
		name.n--;		/* RFC 5322 4.5.8 */
	f->name = name;
	f->value = span_from(span_first(f->raw, f->raw.n - line_end_length(f->raw)), (size_t)colon + 1);
	f->valid = is_name(name);
}

bool
header_next(struct span *rest, struct header_field *out)
{
	struct span line = span_first(*rest, line_length(*rest));
	size_t n = line.n;

	if (line.n == line_end_length(line)) {
		*rest = span_from(*rest, line.n);
		return false;
	}
	while (n < rest->n && is_blank(rest->p[n]))
		n += line_length(span_from(*rest, n));
	out->raw = span_first(*rest, n);
	take_apart(out);
	*rest = span_from(*rest, n);
	return true;
}

size_t
header_length(struct span message)
{
	struct span rest = message;
	struct header_field f;

	while (header_next(&rest, &f))
		;
	return message.n - rest.n;
}

struct span
header_find_nth(struct span block, const char *name, size_t i)
{
	struct header_field f;

	while (header_next(&block, &f))
		if (f.valid && span_is_nocase(f.name, name) && i-- == 0)
			return f.value;
	return SPAN_NONE;
}

struct span
header_find(struct span block, const char *name)
{
	return header_find_nth(block, name, 0);
}

size_t
header_count(struct span block, const char *name)
{
	struct header_field f;
	size_t n = 0;

	while (header_next(&block, &f))
		n += f.valid && span_is_nocase(f.name, name);
	return n;
}

void
header_unfold(struct span value, struct buf *out)
{
	struct span rest = span_trim(value);

	while (rest.n > 0) {
		struct span line = span_first(rest, line_length(rest));

		buf_put(out, line.p, line.n - line_end_length(line));
		rest = span_from(rest, line.n);
	}
}

void
header_skip_blanks(struct span *s)
{
	unsigned depth = 0;

	while (s->n > 0) {
		char c = s->p[0];

		if (c == '(')
			depth++;
		else if (depth > 0 && c == ')')
			depth--;
		else if (depth > 0 && c == '\\' && s->n > 1)
			*s = span_from(*s, 1);
		else if (depth == 0 && c != ' ' && c != '\t' && c != '\r' && c != '\n')
			return;
		*s = span_from(*s, 1);
	}
}
