/*
 * FETCH items.  Trust: hostile text; sections, their depth and their fields
 * are capped.
 */
#include "base/base.h"
#include "base/buf.h"
#include "base/limits.h"
#include "imap/fetch.h"

static const struct { const char *name; unsigned items; } words[] = {
	{ "FLAGS", FETCH_FLAGS }, { "UID", FETCH_UID }, { "INTERNALDATE", FETCH_INTERNALDATE },
	{ "RFC822.SIZE", FETCH_SIZE }, { "ENVELOPE", FETCH_ENVELOPE }, { "BODYSTRUCTURE", FETCH_BODYSTRUCTURE },
	{ "MODSEQ", FETCH_MODSEQ },
	{ "FAST", FETCH_FLAGS | FETCH_INTERNALDATE | FETCH_SIZE },
	{ "ALL", FETCH_FLAGS | FETCH_INTERNALDATE | FETCH_SIZE | FETCH_ENVELOPE },
	{ "FULL", FETCH_FLAGS | FETCH_INTERNALDATE | FETCH_SIZE | FETCH_ENVELOPE | FETCH_BODY }
};

static const struct { const char *name; enum imap_section_kind kind; bool peek; } old_names[] = {
	{ "RFC822", SECTION_ALL, false },
	{ "RFC822.HEADER", SECTION_HEADER, true },
	{ "RFC822.TEXT", SECTION_TEXT, false }
};

/* "1.2.": numbers up to the word or the bracket. */
static bool
take_part(struct imap_lex *x, struct imap_section *s)
{
	s->part = arena_get(x->arena, LIMIT_IMAP_SECTION_DEPTH * sizeof(*s->part));
	if (s->part == NULL)
		return false;
	while (x->rest.n > 0 && char_is_digit(x->rest.p[0])) {
		if (s->part_n == LIMIT_IMAP_SECTION_DEPTH || !imap_lex_number(x, &s->part[s->part_n]) ||
		    s->part[s->part_n] == 0)
			return false;
		s->part_n++;
		if (imap_lex_is(x, ']'))
			return true;
		if (!imap_lex_char(x, '.') || imap_lex_is(x, ']'))
			return false;
	}
	return true;
}

static bool
take_fields(struct imap_lex *x, struct imap_section *s)
{
	s->fields = arena_get(x->arena, LIMIT_IMAP_FIELDS * sizeof(*s->fields));
	if (s->fields == NULL || !imap_lex_space(x) || !imap_lex_char(x, '('))
		return false;
	do {
		if (s->field_n == LIMIT_IMAP_FIELDS || !imap_lex_astring(x, &s->fields[s->field_n++]))
			return false;
	} while (imap_lex_space(x));
	return imap_lex_char(x, ')');
}

/* Between the brackets. */
static bool
take_section_text(struct imap_lex *x, struct imap_section *s)
{
	if (imap_lex_is(x, ']'))
		return true;
	if (!take_part(x, s))
		return false;
	if (imap_lex_is(x, ']') && s->part_n > 0)
		return true;
	if (imap_lex_word(x, "HEADER"))
		s->kind = SECTION_HEADER;
	else if (imap_lex_word(x, "TEXT"))
		s->kind = SECTION_TEXT;
	else if (imap_lex_word(x, "MIME") && s->part_n > 0)
		s->kind = SECTION_MIME;
	else if (imap_lex_word(x, "HEADER.FIELDS"))
		s->kind = SECTION_FIELDS;
	else if (imap_lex_word(x, "HEADER.FIELDS.NOT"))
		s->kind = SECTION_FIELDS_NOT;
	else
		return false;
	return (s->kind != SECTION_FIELDS && s->kind != SECTION_FIELDS_NOT) || take_fields(x, s);
}

static bool
take_partial(struct imap_lex *x, struct imap_section *s)
{
	if (!imap_lex_char(x, '<'))
		return true;
	s->partial = true;
	return imap_lex_number64(x, &s->start) && imap_lex_char(x, '.') &&
		imap_lex_number64(x, &s->length) && s->length > 0 && imap_lex_char(x, '>');
}

static void
put_field(struct span field, struct buf *out)
{
	struct imap_lex probe = { .rest = field };
	struct span atom;

	if (imap_lex_atom(&probe, &atom) && probe.rest.n == 0) {
		buf_span(out, field);
		return;
	}
	buf_char(out, '"');
	for (size_t i = 0; i < field.n; i++) {
		if (field.p[i] == '"' || field.p[i] == '\\')
			buf_char(out, '\\');
		if ((unsigned char)field.p[i] >= ' ' && (unsigned char)field.p[i] < 0x7f)
			buf_char(out, field.p[i]);
	}
	buf_char(out, '"');
}

/* How a response names the section: with what the client wrote, but no PEEK and no length. */
static bool
name_section(struct imap_lex *x, struct imap_section *s)
{
	static const char *const kinds[] = { "", "HEADER", "HEADER.FIELDS", "HEADER.FIELDS.NOT", "TEXT", "MIME" };
	struct buf name;
	char *copy;

	buf_init(&name, LIMIT_IMAP_COMMAND);
	buf_text_put(&name, "BODY[");
	for (size_t i = 0; i < s->part_n; i++)
		buf_printf(&name, "%s%u", i > 0 ? "." : "", s->part[i]);
	if (s->part_n > 0 && s->kind != SECTION_ALL)
		buf_char(&name, '.');
	buf_text_put(&name, kinds[s->kind]);
	for (size_t i = 0; i < s->field_n; i++) {
		buf_text_put(&name, i == 0 ? " (" : " ");
		put_field(s->fields[i], &name);
	}
	buf_text_put(&name, s->field_n > 0 ? ")]" : "]");
	if (s->partial)
		buf_printf(&name, "<%llu>", (unsigned long long)s->start);
	copy = name.overflow ? NULL : arena_copy(x->arena, buf_view(&name));
	s->name = span_make(copy, name.n);
	buf_free(&name);
	return copy != NULL;
}

static bool
new_section(struct imap_lex *x, struct imap_fetch *f, struct imap_section s)
{
	if (f->sections == NULL)
		f->sections = arena_get(x->arena, LIMIT_IMAP_SECTIONS * sizeof(*f->sections));
	if (f->sections == NULL || f->section_n == LIMIT_IMAP_SECTIONS)
		return false;
	f->sections[f->section_n++] = s;
	return true;
}

static bool
take_body(struct imap_lex *x, bool peek, struct imap_fetch *f)
{
	struct imap_section s = { .kind = SECTION_ALL, .peek = peek };

	return imap_lex_char(x, '[') && take_section_text(x, &s) && imap_lex_char(x, ']') &&
		take_partial(x, &s) && name_section(x, &s) && new_section(x, f, s);
}

/* The atom up to a bracket: "[" is an atom character, so it is cut here. */
static bool
take_item_word(struct imap_lex *x, struct span *word)
{
	struct imap_lex before = *x;
	ssize_t bracket;

	if (!imap_lex_atom(x, word))
		return false;
	bracket = span_find(*word, '[');
	if (bracket >= 0) {
		*word = span_first(*word, (size_t)bracket);
		x->rest = span_from(before.rest, (size_t)bracket);
	}
	return true;
}

static bool
take_item(struct imap_lex *x, struct imap_fetch *f)
{
	struct span word;

	if (!take_item_word(x, &word))
		return false;
	if (imap_lex_is(x, '['))
		return (span_is_nocase(word, "BODY") && take_body(x, false, f)) ||
			(span_is_nocase(word, "BODY.PEEK") && take_body(x, true, f));
	if (span_is_nocase(word, "BODY")) {
		f->items |= FETCH_BODY;
		return true;
	}
	for (size_t i = 0; i < PB_COUNT(words); i++)
		if (span_is_nocase(word, words[i].name)) {
			f->items |= words[i].items;
			return true;
		}
	for (size_t i = 0; i < PB_COUNT(old_names); i++)
		if (span_is_nocase(word, old_names[i].name))
			return new_section(x, f, (struct imap_section){ .kind = old_names[i].kind,
				.peek = old_names[i].peek, .name = span_of(old_names[i].name) });
	return false;
}

bool
imap_fetch_parse(struct imap_lex *x, struct imap_fetch *out)
{
	*out = (struct imap_fetch){ .items = 0 };
	if (!imap_lex_char(x, '('))
		return take_item(x, out);
	do {
		if (!take_item(x, out))
			return false;
	} while (imap_lex_space(x));
	return imap_lex_char(x, ')');
}

bool
imap_fetch_sets_seen(const struct imap_fetch *f)
{
	for (size_t i = 0; i < f->section_n; i++)
		if (!f->sections[i].peek)
			return true;
	return false;
}
