/*
 * head: see head.h.  The section is read once and kept in memory, at most
 * LIMIT_HEADER_BYTES, because Bcc must be gone before the first byte is sent.
 */
#include "base/base.h"
#include "head.h"
#include "base/limits.h"
#include "base/mem.h"
#include "mail/address.h"
#include "mail/header.h"
#include "smtp/path.h"
#include <errno.h>

/* One address into the list, canonical, each once. */
static bool
add_one(struct recipients *r, const struct address *a, const char *host, struct buf *bad)
{
	struct span domain = a->domain.n > 0 ? a->domain : span_of(host);
	struct smtp_path path;
	struct buf text;
	bool good;

	buf_init(&text, LIMIT_ADDRESS * 4);
	address_print(a->local, domain, &text);
	good = !text.overflow && smtp_path_parse(buf_view(&text), &path) == SMTP_PATH_OK &&
	       r->count < LIMIT_SMTP_RECIPIENTS;
	if (!good)
		buf_escaped(bad, span_first(buf_view(&text), 200));
	for (size_t i = 0; good && i < r->count; i++)
		if (strcmp(r->at[i], path.text) == 0) {
			buf_free(&text);
			return true;
		}
	if (good) {
		r->at = mem_resize_array(r->at, r->count + 1, sizeof(*r->at));
		r->at[r->count++] = mem_text(path.text);
	}
	buf_free(&text);
	return good;
}

bool
recipients_add(struct recipients *r, struct span list, const char *host, struct buf *bad)
{
	struct arena *arena = arena_new(LIMIT_HEADER_BYTES * 4);
	struct address_list found;
	bool good;

	address_parse_list(list, arena, &found);
	good = !found.truncated;
	for (size_t i = 0; good && i < found.count; i++)
		/* A group's name and its end have no domain at all (RFC 5322 3.4). */
		good = found.items[i].domain.p == NULL || add_one(r, &found.items[i], host, bad);
	arena_free(&arena);
	return good;
}

/* Read up to the empty line; *rest_out: a first line that was no field and belongs to the body. */
static int
read_section(struct input *in, struct buf *section, struct buf *rest_out)
{
	struct span line;
	int result;

	while ((result = input_line(in, &line)) > 0 && !span_is(line, "\r\n")) {
		bool continues = line.p[0] == ' ' || line.p[0] == '\t';
		ssize_t colon = span_find(line, ':');

		if (continues ? section->n == 0 : colon <= 0 || span_find(span_first(line, (size_t)colon), ' ') >= 0) {
			buf_span(rest_out, line);
			break;
		}
		if (!buf_span(section, line)) {
			fprintf(stderr, "mail-inject: header larger than %d bytes\n", LIMIT_HEADER_BYTES);
			return INJECT_DATA;
		}
	}
	if (result >= 0)
		return INJECT_OK;
	fprintf(stderr, "mail-inject: stdin: %s\n", strerror(errno));
	return errno == EMSGSIZE ? INJECT_DATA : INJECT_TRY_LATER;
}

/* The addresses of To, Cc and Bcc. */
static bool
add_from_fields(struct span section, const char *host, struct recipients *r, struct buf *bad)
{
	static const char *const names[] = { "To", "Cc", "Bcc" };
	bool good = true;

	for (size_t k = 0; k < PB_COUNT(names); k++)
		for (size_t i = 0; good && header_find_nth(section, names[k], i).p != NULL; i++)
			good = recipients_add(r, header_find_nth(section, names[k], i), host, bad);
	return good;
}

/* A display name as a quoted string (RFC 5322 3.2.4). */
static void
put_name(const char *name, struct buf *out)
{
	buf_char(out, '"');
	for (; *name != '\0'; name++) {
		if (*name == '"' || *name == '\\')
			buf_char(out, '\\');
		buf_char(out, (unsigned char)*name < 0x20 || *name == 0x7f ? ' ' : *name);
	}
	buf_text_put(out, "\" ");
}

static void
put_from(const struct options *o, const char *sender, struct buf *out)
{
	buf_text_put(out, "From: ");
	if (o->full_name != NULL)
		put_name(o->full_name, out);
	buf_printf(out, o->full_name != NULL ? "<%s>\r\n" : "%s\r\n", sender);
}

int
head_read(struct input *in, const struct options *o, const char *sender, const char *host,
	struct recipients *r, struct buf *out)
{
	struct buf section, rest, bad;
	struct header_field f;
	struct span fields;
	int result;

	buf_init(&section, LIMIT_HEADER_BYTES);
	buf_init(&rest, LIMIT_DATA_LINE);
	buf_init(&bad, 1024);
	result = read_section(in, &section, &rest);
	fields = buf_view(&section);
	if (result == INJECT_OK && o->from_header && !add_from_fields(fields, host, r, &bad)) {
		fprintf(stderr, "mail-inject: bad or too many recipients: %s\n", buf_text(&bad));
		result = INJECT_DATA;
	}
	if (header_count(fields, "From") == 0 && sender[0] != '\0')
		put_from(o, sender, out);
	while (header_next(&fields, &f))
		if (!span_is_nocase(f.name, "Bcc"))
			buf_span(out, f.raw);
	buf_text_put(out, "\r\n");
	buf_span(out, buf_view(&rest));
	buf_free(&section);
	buf_free(&rest);
	buf_free(&bad);
	return result;
}
