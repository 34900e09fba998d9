/*
 * BODYSTRUCTURE and BODY (RFC 3501 7.4.2), by a walk over the tree without
 * recursion: a part is opened on the way down and closed on the way up.
 *
 * A multipart without a usable boundary, and what lies below the cap of depth,
 * is shown as application/octet-stream; a multipart in which no part was found,
 * as one with an empty text part, since the grammar wants one.
 */
#include "base/base.h"
#include "base/limits.h"
#include "base/mem.h"
#include "imap/print.h"
#include "mail/header.h"
#include "mail/mime_param.h"

struct printer {
	struct span text;
	const struct mime_tree *tree;
	struct arena *arena;	/* for one part at a time */
	bool extended;
	struct buf *out;
};

static struct span
part_header(const struct printer *p, const struct mime_part *part)
{
	return span_make(p->text.p + part->header.start, part->header.end - part->header.start);
}

static void
print_params(const struct mime_value *v, struct buf *out)
{
	if (v->count == 0) {
		buf_text_put(out, "NIL");
		return;
	}
	for (size_t i = 0; i < v->count; i++) {
		buf_text_put(out, i == 0 ? "(" : " ");
		imap_print_string(v->params[i].name, out);
		buf_char(out, ' ');
		imap_print_string(v->params[i].value, out);
	}
	buf_char(out, ')');
}

static void
print_field(struct span header, const char *name, struct buf *out)
{
	struct span value = header_find(header, name);
	struct buf text;

	if (value.p == NULL) {
		buf_text_put(out, "NIL");
		return;
	}
	buf_init(&text, LIMIT_HEADER_BYTES);
	header_unfold(value, &text);
	imap_print_string(buf_view(&text), out);
	buf_free(&text);
}

static void
print_disposition(struct printer *p, struct span header)
{
	struct span value = header_find(header, "Content-Disposition");
	struct mime_value v;

	if (value.p == NULL || !mime_value_parse_raw(value, p->arena, &v)) {
		buf_text_put(p->out, "NIL");
		return;
	}
	buf_char(p->out, '(');
	imap_print_string(v.type, p->out);
	buf_char(p->out, ' ');
	print_params(&v, p->out);
	buf_char(p->out, ')');
}

/* One language, or a list of them. */
static void
print_language(struct printer *p, struct span header)
{
	struct span rest = header_find(header, "Content-Language"), word, second;
	size_t n = 0;

	if (rest.p == NULL || !mime_word(&rest, p->arena, &word)) {
		buf_text_put(p->out, "NIL");
		return;
	}
	for (;;) {
		rest = span_trim(rest);
		if (rest.n == 0 || rest.p[0] != ',')
			break;
		rest = span_from(rest, 1);
		if (!mime_word(&rest, p->arena, &second))
			break;
		buf_text_put(p->out, n++ == 0 ? "(" : " ");
		imap_print_string(word, p->out);
		word = second;
	}
	if (n > 0)
		buf_char(p->out, ' ');
	imap_print_string(word, p->out);
	if (n > 0)
		buf_char(p->out, ')');
}

/* The extension data that all kinds share, with a blank before each. */
static void
print_extension(struct printer *p, struct span header)
{
	buf_char(p->out, ' ');
	print_disposition(p, header);
	buf_char(p->out, ' ');
	print_language(p, header);
	buf_char(p->out, ' ');
	print_field(header, "Content-Location", p->out);
}

/* What a part is said to be: the defaults of RFC 2045 5.2 and RFC 2046 5.1.5 filled in. */
static void
type_of(struct printer *p, const struct mime_part *part, struct mime_value *v)
{
	static struct mime_param ascii = { { "charset", 7 }, { "us-ascii", 8 } };
	struct span value = header_find(part_header(p, part), "Content-Type");
	bool good = value.p != NULL && mime_value_parse_raw(value, p->arena, v) && v->subtype.p != NULL;
	bool container = good && (span_is_nocase(v->type, "multipart") ||
		(span_is_nocase(v->type, "message") && span_is_nocase(v->subtype, "rfc822")));

	if (part->kind == MIME_MESSAGE && !good)
		*v = (struct mime_value){ .type = SPAN("message"), .subtype = SPAN("rfc822") };
	else if (part->kind == MIME_LEAF && container)
		*v = (struct mime_value){ .type = SPAN("application"), .subtype = SPAN("octet-stream") };
	else if (!good)
		*v = (struct mime_value){ .type = SPAN("text"), .subtype = SPAN("plain"), .params = &ascii, .count = 1 };
}

static void
print_encoding(struct printer *p, struct span header)
{
	struct span value = header_find(header, "Content-Transfer-Encoding"), word;

	if (value.p == NULL || !mime_word(&value, p->arena, &word))
		word = SPAN("7bit");
	imap_print_string(word, p->out);
}

/* type subtype params id description encoding octets */
static void
print_basic(struct printer *p, const struct mime_part *part, const struct mime_value *v)
{
	struct span header = part_header(p, part);

	imap_print_string(v->type, p->out);
	buf_char(p->out, ' ');
	imap_print_string(v->subtype, p->out);
	buf_char(p->out, ' ');
	print_params(v, p->out);
	buf_char(p->out, ' ');
	print_field(header, "Content-ID", p->out);
	buf_char(p->out, ' ');
	print_field(header, "Content-Description", p->out);
	buf_char(p->out, ' ');
	print_encoding(p, header);
	buf_printf(p->out, " %zu", mime_wire_size(part->body));
}

static void
print_single_end(struct printer *p, const struct mime_part *part)
{
	struct span header = part_header(p, part);

	if (p->extended) {
		buf_char(p->out, ' ');
		print_field(header, "Content-MD5", p->out);
		print_extension(p, header);
	}
	buf_char(p->out, ')');
}

static void
print_leaf(struct printer *p, const struct mime_part *part)
{
	struct mime_value v;

	type_of(p, part, &v);
	buf_char(p->out, '(');
	print_basic(p, part, &v);
	if (span_is_nocase(v.type, "text"))
		buf_printf(p->out, " %zu", part->body.lines);
	print_single_end(p, part);
}

static void
open_message(struct printer *p, const struct mime_part *part)
{
	struct mime_value v;

	type_of(p, part, &v);
	buf_char(p->out, '(');
	print_basic(p, part, &v);
	buf_char(p->out, ' ');
	imap_print_envelope(part_header(p, &p->tree->parts[part->first_child]), p->out);
	buf_char(p->out, ' ');
}

static void
close_multipart(struct printer *p, const struct mime_part *part)
{
	struct mime_value v;

	type_of(p, part, &v);
	if (part->children == 0)
		buf_printf(p->out, "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 0 0%s)",
			p->extended ? " NIL NIL NIL NIL" : "");
	buf_char(p->out, ' ');
	imap_print_string(v.subtype, p->out);
	if (p->extended) {
		buf_char(p->out, ' ');
		print_params(&v, p->out);
		print_extension(p, part_header(p, part));
	}
	buf_char(p->out, ')');
}

static void
close_part(struct printer *p, const struct mime_part *part)
{
	arena_reset(p->arena);
	if (part->kind == MIME_MULTIPART) {
		close_multipart(p, part);
	} else if (part->kind == MIME_MESSAGE) {
		buf_printf(p->out, " %zu", part->body.lines);
		print_single_end(p, part);
	}
}

static void
open_part(struct printer *p, const struct mime_part *part)
{
	arena_reset(p->arena);
	if (part->kind == MIME_MULTIPART)
		buf_char(p->out, '(');
	else if (part->kind == MIME_MESSAGE)
		open_message(p, part);
	else
		print_leaf(p, part);
}

void
imap_print_structure(struct span text, const struct mime_tree *t, bool extended, struct buf *out)
{
	struct printer p = { .text = text, .tree = t, .extended = extended, .out = out };
	uint32_t at = 0;

	p.arena = arena_new(LIMIT_MIME_HEADER_MEMORY);
	while (at != MIME_NO_PART && !out->overflow) {
		const struct mime_part *part = &t->parts[at];

		open_part(&p, part);
		if (part->first_child != MIME_NO_PART) {
			at = part->first_child;
			continue;
		}
		close_part(&p, part);
		while (at != MIME_NO_PART && t->parts[at].next == MIME_NO_PART) {
			at = t->parts[at].parent;
			if (at != MIME_NO_PART)
				close_part(&p, &t->parts[at]);
		}
		if (at != MIME_NO_PART)
			at = t->parts[at].next;
	}
	arena_free(&p.arena);
}
