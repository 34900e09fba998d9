/*
 * output: rows are kept until the end, because a table needs its widths.
 *
 * Values may come from mail (senders, subjects): for terminals and TSV they
 * pass buf_escaped, JSON is jansson's, with invalid UTF-8 escaped first.
 */
#include "base/base.h"
#include "output.h"
#include <jansson.h>
#include "base/die.h"
#include "base/mem.h"
#include "base/num.h"
#include "config/settings_table.h"

static json_t *json_result;	/* of this command; NULL: none yet */

struct output {
	enum ctl_format format;
	const char *const *columns;
	size_t count;			/* columns */
	char **cells;			/* rows * count */
	size_t rows, cap;
};

struct output *
output_begin(const struct ctl *c, const char *const *columns)
{
	struct output *o = mem_new(sizeof(*o));

	o->format = c->format;
	o->columns = columns;
	while (columns[o->count] != NULL)
		o->count++;
	return o;
}

void
output_row_array(struct output *o, const char *const *values)
{
	if (o->rows == o->cap) {
		o->cap = o->cap == 0 ? 64 : o->cap * 2;
		o->cells = mem_resize_array(o->cells, o->cap * o->count, sizeof(char *));
	}
	for (size_t i = 0; i < o->count; i++)
		o->cells[o->rows * o->count + i] = mem_text(values[i] == NULL ? "" : values[i]);
	o->rows++;
}

void
output_row(struct output *o, ...)
{
	const char *values[OUTPUT_COLUMNS_MAX];
	va_list ap;

	va_start(ap, o);
	for (size_t i = 0; i < o->count; i++)
		values[i] = va_arg(ap, const char *);
	va_end(ap);
	output_row_array(o, values);
}

size_t
output_rows(const struct output *o)
{
	return o->rows;
}

static char
kind_of(const char *column)
{
	return column[strlen(column) - 1];
}

static struct span
title_of(const char *column)
{
	struct span s = span_of(column);

	return kind_of(column) == '#' || kind_of(column) == '?' ? span_first(s, s.n - 1) : s;
}

/* Bytes that stand as they are: printable ASCII and UTF-8, but no controls. */
static void
printable(struct buf *out, const char *value)
{
	for (const char *p = value; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			buf_printf(out, "\\x%02x", (unsigned int)(unsigned char)*p);
		else
			buf_char(out, *p);
}

/* Columns on a terminal that UTF-8 text takes, combining characters aside. */
static size_t
width_of(struct span s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		if (((unsigned char)s.p[i] & 0xc0) != 0x80)
			n++;
	return n;
}

static json_t *
json_text(const char *value)
{
	json_t *j = json_string(value);
	struct buf b;

	if (j != NULL)
		return j;
	buf_init(&b, 4 * strlen(value) + 1);	/* it is not UTF-8 */
	buf_escaped(&b, span_of(value));
	j = json_string(buf_text(&b));
	buf_free(&b);
	return j;
}

static json_t *
json_value(const char *column, const char *value)
{
	bool is_negative = value[0] == '-', yes;
	uint64_t n;

	if (kind_of(column) == '#' && num_parse(span_of(value + is_negative), INT64_MAX, &n))
		return json_integer(is_negative ? -(json_int_t)n : (json_int_t)n);
	if (kind_of(column) == '?' && setting_bool_parse(span_of(value), &yes))
		return json_boolean(yes);
	return json_text(value);
}

static json_t *
json_row(const struct output *o, size_t row)
{
	json_t *object = json_object();

	for (size_t i = 0; i < o->count; i++) {
		char *key = mem_copy(title_of(o->columns[i]));

		json_object_set_new(object, key, json_value(o->columns[i], o->cells[row * o->count + i]));
		free(key);
	}
	return object;
}

static void
print_json(json_t *value)
{
	json_dumpf(value, stdout, JSON_INDENT(1) | JSON_PRESERVE_ORDER);
	putchar('\n');
	json_decref(value);
}

/* What output_json_end prints; a command has one. */
static void
keep_json(json_t *value)
{
	if (json_result != NULL)
		bug("a second JSON value");
	json_result = value;
}

static void
print_tsv(const struct output *o)
{
	struct buf line;

	buf_init(&line, SIZE_MAX / 8);
	for (size_t i = 0; i < o->count; i++)
		printf("%.*s%c", SPAN_ARG(title_of(o->columns[i])), i + 1 < o->count ? '\t' : '\n');
	for (size_t k = 0; k < o->rows * o->count; k++) {
		buf_clear(&line);
		printable(&line, o->cells[k]);
		printf("%s%c", buf_text(&line), (k + 1) % o->count != 0 ? '\t' : '\n');
	}
	buf_free(&line);
}

static void
print_cell(const char *column, struct span value, size_t width, bool last)
{
	size_t pad = width > width_of(value) ? width - width_of(value) : 0;

	if (kind_of(column) == '#')
		printf("%*s%.*s", (int)pad, "", SPAN_ARG(value));
	else
		printf("%.*s%*s", SPAN_ARG(value), last ? 0 : (int)pad, "");
	fputs(last ? "\n" : "  ", stdout);
}

static void
print_text(struct output *o)
{
	size_t width[OUTPUT_COLUMNS_MAX];
	struct buf cell;

	buf_init(&cell, SIZE_MAX / 8);
	for (size_t i = 0; i < o->count; i++)
		width[i] = title_of(o->columns[i]).n;
	for (size_t k = 0; k < o->rows * o->count; k++) {
		size_t n;

		buf_clear(&cell);
		printable(&cell, o->cells[k]);
		n = width_of(buf_view(&cell));
		if (n > width[k % o->count])
			width[k % o->count] = n;
	}
	for (size_t i = 0; i < o->count; i++)
		print_cell(o->columns[i], title_of(o->columns[i]), width[i], i + 1 == o->count);
	for (size_t k = 0; k < o->rows * o->count; k++) {
		size_t i = k % o->count;

		buf_clear(&cell);
		printable(&cell, o->cells[k]);
		print_cell(o->columns[i], buf_view(&cell), width[i], i + 1 == o->count);
	}
	buf_free(&cell);
}

static void
output_free(struct output **o)
{
	for (size_t k = 0; k < (*o)->rows * (*o)->count; k++)
		free((*o)->cells[k]);
	free((*o)->cells);
	free(*o);
	*o = NULL;
}

void
output_end(struct output **o)
{
	json_t *all;

	switch ((*o)->format) {
	case CTL_JSON:
		all = json_array();
		for (size_t i = 0; i < (*o)->rows; i++)
			json_array_append_new(all, json_row(*o, i));
		keep_json(all);
		break;
	case CTL_TSV:
		print_tsv(*o);
		break;
	case CTL_NUL:
		for (size_t i = 0; i < (*o)->rows; i++)
			printf("%s%c", (*o)->cells[i * (*o)->count], 0);
		break;
	case CTL_TEXT:
		if ((*o)->rows > 0)
			print_text(*o);
		break;
	}
	output_free(o);
}

void
output_done(const struct ctl *c, uint64_t count)
{
	json_t *o;

	ctl_say(c, "%llu done", (unsigned long long)count);
	if (c->format != CTL_JSON)
		return;
	o = json_object();
	json_object_set_new(o, "done", json_true());
	json_object_set_new(o, "count", json_integer((json_int_t)count));
	keep_json(o);
}

void
output_json_begin(void)
{
	json_decref(json_result);
	json_result = NULL;
	ctl_forget_errors();
}

/* For a failure that said nothing. */
static const char *
words_of(int code)
{
	switch (code) {
	case EXIT_USAGE:
		return "wrong usage";
	case EXIT_NO_OBJECT:
		return "no such object";
	case EXIT_TRY_LATER:
		return "try later";
	case EXIT_NO_RIGHT:
		return "no right";
	default:
		return "refused";
	}
}

void
output_json_end(const struct ctl *c, int code)
{
	const char *said = ctl_errors();
	json_t *o;

	if (c->format != CTL_JSON)
		return;
	if (json_result != NULL && (code == EXIT_DONE || *said == '\0')) {
		o = json_result;
		json_result = NULL;
	} else if (code == EXIT_DONE) {
		o = json_object();
		json_object_set_new(o, "done", json_true());
	} else {
		o = json_object();
		json_object_set_new(o, "error", json_text(*said != '\0' ? said : words_of(code)));
		json_object_set_new(o, "exit", json_integer(code));
	}
	print_json(o);
}
