/*
 * edit: a list of fields, made when the first change comes.
 *
 * Invariants: fields[0..count) in the order of the message; `raw` is a whole
 * field with its line end, empty when it was deleted.  Texts of new fields
 * live in the arena, all others in the header section of the message and above
 * it, which do not change before edit_end.
 */
#include "base/base.h"
#include "edit.h"
#include "base/die.h"
#include "base/limits.h"
#include "base/mem.h"
#include "mail/header.h"

struct field {
	struct span name;
	struct span raw;
};

struct edit {
	struct message *m;
	struct field *fields;
	size_t count, room;
	size_t made;			/* texts in the arena */
	bool listed;			/* fields was made */
	size_t above;			/* so many of the first stand above our own Received field */
	struct arena *arena;
	struct buf body;
	bool body_came;
	bool cr;			/* the last byte of body's source was a CR */
	char quarantine[128];
};

static struct span
header_as_it_stands(const struct message *m)
{
	return m->header_changed ? buf_view(&m->header) : span_first(buf_view(&m->text), m->found.end);
}

/* The fields of ours become part of the header section: at its top, where they would be written. */
static void
merge_added(struct message *m)
{
	struct buf text;

	buf_init(&text, m->header.max);
	buf_span(&text, buf_view(&m->added));
	buf_span(&text, header_as_it_stands(m));
	if (text.overflow)
		bug("our own fields do not fit into a header");
	buf_free(&m->header);
	m->header = text;
	m->header_changed = true;
	buf_clear(&m->added);
}

struct span
edit_header(struct message *m)
{
	if (m->added.n > 0)
		merge_added(m);
	return header_as_it_stands(m);
}

ssize_t
edit_read_body(struct message *m, uint64_t at, char *p, size_t n)
{
	struct span rest;

	if (!m->body_changed)
		return message_read_body(m, at, p, n);
	rest = span_first(span_from(buf_view(&m->body), at), n);
	if (rest.n > 0)
		memcpy(p, rest.p, rest.n);
	return (ssize_t)rest.n;
}

/* How many there may be follows from the bytes of a header and from make_field. */
static void
append(struct edit *e, struct span name, struct span raw)
{
	if (e->count == e->room) {
		e->room = e->room > 0 ? e->room * 2 : 64;
		e->fields = mem_resize_array(e->fields, e->room, sizeof(*e->fields));
	}
	e->fields[e->count++] = (struct field){ name, raw };
}

static void
append_all(struct edit *e, struct span rest)
{
	struct header_field f;

	while (header_next(&rest, &f))
		append(e, f.valid ? f.name : SPAN_NONE, f.raw);
}

static void
list_fields(struct edit *e)
{
	if (e->listed)
		return;
	e->listed = true;
	append_all(e, message_top(e->m));
	e->above = e->count;
	append_all(e, edit_header(e->m));
}

/* The text of a field of its own; p is NULL when there are too many, or too large ones. */
static struct span
make_field(struct edit *e, struct span name, struct span value)
{
	size_t n = name.n + value.n + 3;
	char *text = e->made < LIMIT_MILTER_EDITS ? arena_get(e->arena, n) : NULL;

	if (text == NULL)
		return SPAN_NONE;
	e->made++;
	memcpy(text, name.p, name.n);
	text[name.n] = ':';
	if (value.n > 0)
		memcpy(text + name.n + 1, value.p, value.n);
	memcpy(text + name.n + 1 + value.n, "\r\n", 2);
	return span_make(text, n);
}

static bool
edit_add(void *ctx, struct span name, struct span value)
{
	struct edit *e = ctx;
	struct span raw;

	list_fields(e);
	raw = make_field(e, name, value);
	if (raw.p == NULL)
		return false;
	append(e, span_first(raw, name.n), raw);
	return true;
}

/*
 * index counts the fields of the message as it would be written, our own Received
 * field too, which no milter is shown; what those before have put above it counts.
 */
static bool
edit_insert(void *ctx, uint32_t index, struct span name, struct span value)
{
	struct edit *e = ctx;
	size_t at = 0, last;
	uint32_t seen = 0;
	struct field made;

	if (!edit_add(e, name, value))
		return false;
	last = e->count - 1;
	made = e->fields[last];
	for (; at < e->above && seen < index; at++)
		seen += e->fields[at].raw.n > 0;
	if (seen >= index)
		e->above++;
	else
		for (seen++; at < last && seen < index; at++)
			seen += e->fields[at].raw.n > 0;
	memmove(&e->fields[at + 1], &e->fields[at], (last - at) * sizeof(e->fields[0]));
	e->fields[at] = made;
	return true;
}

static bool
edit_change(void *ctx, uint32_t index, struct span name, struct span value)
{
	struct edit *e = ctx;
	uint32_t seen = 0;
	struct span raw;

	list_fields(e);
	for (size_t i = 0; i < e->count; i++) {
		struct field *f = &e->fields[i];

		if (f->raw.n == 0 || !span_eq_nocase(f->name, name) || ++seen < index)
			continue;
		raw = value.n > 0 ? make_field(e, name, value) : SPAN("");
		f->raw = raw;
		return raw.p != NULL;
	}
	/* Changing what is not there adds it, as other servers do. */
	return value.n == 0 || edit_add(e, name, value);
}

/*
 * Only CRLF may end a line in what we store and send on, and a NUL may not
 * stand in it: a milter's body is made to hold to that, whatever it sends.
 */
static void
put_body_byte(struct edit *e, char byte)
{
	if (byte == '\0')
		return;
	if (byte == '\n') {
		buf_put(&e->body, "\r\n", 2);
	} else {
		if (e->cr)
			buf_put(&e->body, "\r\n", 2);
		if (byte != '\r')
			buf_char(&e->body, byte);
	}
	e->cr = byte == '\r';
}

/* A CR that nothing followed, and a last line without an end. */
static void
end_body(struct edit *e)
{
	if (e->cr || (e->body.n > 0 && e->body.p[e->body.n - 1] != '\n'))
		buf_put(&e->body, "\r\n", 2);
	e->cr = false;
}

static bool
edit_body(void *ctx, struct span piece, bool first)
{
	struct edit *e = ctx;

	if (first) {
		buf_clear(&e->body);
		e->cr = false;
	}
	e->body_came = true;
	for (size_t i = 0; i < piece.n; i++)
		put_body_byte(e, piece.p[i]);
	return !e->body.overflow;
}

static bool
edit_quarantine(void *ctx, struct span reason)
{
	struct edit *e = ctx;
	struct buf text;

	buf_init_fixed(&text, e->quarantine, sizeof(e->quarantine));
	buf_escaped(&text, reason.n > 0 ? span_first(reason, 100) : SPAN("no reason given"));
	return true;
}

void
edit_begin(struct message *m, struct milter_edits *edits)
{
	struct edit *e = mem_new(sizeof(*e));

	e->m = m;
	e->arena = arena_new(LIMIT_MILTER_HEADERS);
	buf_init(&e->body, LIMIT_MILTER_BODY);
	*edits = (struct milter_edits){ .ctx = e, .add = edit_add, .insert = edit_insert,
		.change = edit_change, .body = edit_body, .quarantine = edit_quarantine };
}

static void
print_fields(const struct edit *e, size_t from, size_t to, struct buf *out)
{
	for (size_t i = from; i < to; i++)
		buf_span(out, e->fields[i].raw);
}

/* Print the list as the new header section; false when it is larger than one may be. */
static bool
keep_header(struct edit *e)
{
	struct buf text, top;
	bool fits;

	buf_init(&text, e->m->header.max);
	buf_init(&top, e->m->trace.max);
	print_fields(e, 0, e->above, &top);
	print_fields(e, e->above, e->count, &text);
	fits = !text.overflow && !top.overflow && message_set_top(e->m, buf_view(&top));
	buf_free(&top);
	if (!fits) {
		buf_free(&text);
		return false;
	}
	buf_free(&e->m->header);
	e->m->header = text;
	e->m->header_changed = true;
	buf_clear(&e->m->added);
	return true;
}

static void
keep_body(struct edit *e)
{
	end_body(e);
	buf_free(&e->m->body);
	e->m->body = e->body;
	e->m->body_changed = true;
	buf_init(&e->body, LIMIT_MILTER_BODY);
}

bool
edit_end(struct message *m, struct milter_edits *edits, bool keep)
{
	struct edit *e = edits->ctx;
	bool fits = !keep || !e->listed || keep_header(e);

	keep = keep && fits;
	if (keep && e->body_came)
		keep_body(e);
	if (keep && e->quarantine[0] != '\0')
		memcpy(m->quarantine, e->quarantine, sizeof(m->quarantine));
	buf_free(&e->body);
	arena_free(&e->arena);
	free(e->fields);
	free(e);
	edits->ctx = NULL;
	return fits;
}
