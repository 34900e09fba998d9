/*
 * auth_line: fields, escapes.
 *
 * Trust: lines come from other programs and are read as hostile; nothing here
 * allocates for its input.
 */
#include "base/base.h"
#include "directory/auth_line.h"

#define ESCAPE '\001'

static const char plain[] = { '\0', '\001', '\t', '\r', '\n' };
static const char coded[] = { '0', '1', 't', 'r', 'n' };

struct auth_line
auth_line_split(struct span line)
{
	struct auth_line l = { .rest = line };

	l.verb = span_cut(&l.rest, '\t');
	return l;
}

struct span
auth_line_field(struct auth_line *l)
{
	if (l->rest.p == NULL)
		return span_make("", 0);
	return span_cut(&l->rest, '\t');
}

struct span
auth_line_get(const struct auth_line *l, const char *name)
{
	struct span rest = l->rest;
	size_t n = strlen(name);
	bool to_the_end = strcmp(name, "resp") == 0;

	while (rest.p != NULL) {
		struct span from = rest;
		struct span field = span_cut(&rest, '\t');

		if (span_is(field, name))
			return span_from(field, n);
		if (field.n > n && field.p[n] == '=' && span_starts(field, span_of(name)))
			return span_from(to_the_end ? from : field, n + 1);
		if (span_starts(field, SPAN("resp=")))
			break;
	}
	return SPAN_NONE;
}

void
auth_line_add(struct buf *out, const char *name, struct span value)
{
	buf_char(out, '\t');
	buf_text_put(out, name);
	if (value.p == NULL)
		return;
	buf_char(out, '=');
	for (size_t i = 0; i < value.n; i++) {
		const char *at = memchr(plain, value.p[i], sizeof(plain));
		if (at == NULL) {
			buf_char(out, value.p[i]);
		} else {
			buf_char(out, ESCAPE);
			buf_char(out, coded[at - plain]);
		}
	}
}

bool
auth_line_unescape(struct span value, struct buf *out)
{
	for (size_t i = 0; i < value.n; i++) {
		const char *at;

		if (value.p[i] != ESCAPE) {
			buf_char(out, value.p[i]);
			continue;
		}
		if (++i == value.n)
			return false;
		at = memchr(coded, value.p[i], sizeof(coded));
		if (at == NULL)
			return false;
		buf_char(out, plain[at - coded]);
	}
	return true;
}
