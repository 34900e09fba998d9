/*
 * record: key=value text between our own programs.
 *
 * Trust: the writer may have been taken over.  Parsing copies the record once
 * and unescapes in place (unescaping never grows text), so no length of the
 * writer is ever used to allocate.
 */
#include "base/base.h"
#include "base/record.h"
#include "base/mem.h"
#include "base/num.h"

void
record_begin(struct buf *out, const char *verb)
{
	buf_clear(out);
	buf_printf(out, "%s\n", verb);
}

void
record_add(struct buf *out, const char *key, struct span value)
{
	buf_printf(out, "%s=", key);
	for (size_t i = 0; i < value.n; i++) {
		char c = value.p[i];

		if (c == '\0')
			out->overflow = true;
		else if (c == '\n')
			buf_text_put(out, "\\n");
		else if (c == '\r')
			buf_text_put(out, "\\r");
		else if (c == '\\')
			buf_text_put(out, "\\\\");
		else
			buf_char(out, c);
	}
	buf_char(out, '\n');
}

void
record_add_text(struct buf *out, const char *key, const char *value)
{
	record_add(out, key, span_of(value));
}

void
record_add_num(struct buf *out, const char *key, uint64_t value)
{
	buf_printf(out, "%s=%llu\n", key, (unsigned long long)value);
}

static bool
key_is_valid(struct span key)
{
	for (size_t i = 0; i < key.n; i++) {
		char c = key.p[i];

		if (!(c >= 'a' && c <= 'z') && !char_is_digit(c) && c != '-')
			return false;
	}
	return key.n > 0;
}

/* Unescape at[0..n) in place; the new length, or -1 for a bad escape. */
static ssize_t
unescape(char *at, size_t n)
{
	size_t out = 0;

	for (size_t i = 0; i < n; i++) {
		char c = at[i];

		if (c == '\\') {
			if (++i >= n)
				return -1;
			if (at[i] == 'n')
				c = '\n';
			else if (at[i] == 'r')
				c = '\r';
			else if (at[i] != '\\')
				return -1;
		}
		at[out++] = c;
	}
	return (ssize_t)out;
}

static bool
parse_field(struct span line, struct record_field *field)
{
	ssize_t eq = span_find(line, '=');
	ssize_t n;

	if (eq < 0)
		return false;
	field->key = span_first(line, (size_t)eq);
	field->value = span_from(line, (size_t)eq + 1);
	if (!key_is_valid(field->key))
		return false;
	n = unescape((char *)(uintptr_t)field->value.p, field->value.n);
	if (n < 0)
		return false;
	field->value.n = (size_t)n;
	return true;
}

bool
record_parse(struct span in, size_t max_fields, struct record *out)
{
	struct span rest;
	size_t lines = 0;

	*out = (struct record){ 0 };
	if (in.n == 0 || in.p[in.n - 1] != '\n' || span_find(in, '\0') >= 0)
		return false;
	for (size_t i = 0; i < in.n; i++)
		lines += in.p[i] == '\n';
	if (lines - 1 > max_fields)
		return false;
	out->text = mem_copy(in);
	out->fields = mem_array(lines, sizeof(*out->fields));
	rest = span_make(out->text, in.n - 1);
	out->verb = span_cut(&rest, '\n');
	while (rest.p != NULL && key_is_valid(out->verb)) {
		if (!parse_field(span_cut(&rest, '\n'), &out->fields[out->count]))
			break;
		out->count++;
	}
	if (rest.p != NULL || out->count != lines - 1 || !key_is_valid(out->verb)) {
		record_free(out);
		return false;
	}
	return true;
}

void
record_free(struct record *r)
{
	free(r->fields);
	free(r->text);
	*r = (struct record){ 0 };
}

struct span
record_get_nth(const struct record *r, const char *key, size_t i)
{
	for (size_t k = 0; k < r->count; k++)
		if (span_is(r->fields[k].key, key) && i-- == 0)
			return r->fields[k].value;
	return SPAN_NONE;
}

struct span
record_get(const struct record *r, const char *key)
{
	return record_get_nth(r, key, 0);
}

bool
record_get_num(const struct record *r, const char *key, uint64_t max, uint64_t *out)
{
	return record_get_nth(r, key, 1).p == NULL && num_parse(record_get(r, key), max, out);
}
