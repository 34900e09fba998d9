/*
 * The tree of parts, in one pass over the lines.
 *
 * A stack holds the open parts from the message down to the innermost.  A
 * line that starts with "--" is compared with the boundaries on the stack,
 * innermost first, whole line against whole boundary (trailing blanks off), so
 * that a boundary which is a prefix of another is no problem; the cost is at
 * most LIMIT_MIME_DEPTH comparisons of the line's own length.
 *
 * Invariants: 1. parts below the top of the stack are open in body mode;
 * 2. ranges of children lie within the body of their parent; 3. counters
 * `lines` and `bare` are those of all text before `pos`.
 */
#include "base/base.h"
#include "base/limits.h"
#include "mail/header.h"
#include "mail/mime.h"
#include "mail/mime_param.h"

struct open_part {
	uint32_t part;
	uint32_t last_child;
	bool in_header;
	bool has_boundary;	/* and the closing line was not seen yet */
	bool is_digest;
	size_t boundary_n;
	char boundary[LIMIT_MIME_BOUNDARY];
};

struct walk {
	struct span text;
	struct mime_tree *tree;
	struct arena *arena;		/* for one header at a time */
	struct open_part stack[LIMIT_MIME_DEPTH];
	size_t depth;
	size_t cap;			/* room in tree->parts */
	size_t pos;			/* start of the current line */
	size_t lines, bare;
	size_t last_end;		/* length of the line end before pos: 0, 1, 2 */
};

size_t
mime_wire_size(struct mime_range r)
{
	return r.end - r.start + r.bare_lf;
}

static struct open_part *
top(struct walk *w)
{
	return &w->stack[w->depth - 1];
}

/* Start a range here; lines and bare_lf hold the counters until range_end. */
static struct mime_range
range_start(const struct walk *w, size_t at)
{
	return (struct mime_range){ .start = at, .end = at, .bare_lf = w->bare, .lines = w->lines };
}

static void
range_end(const struct walk *w, struct mime_range *r, size_t at)
{
	r->end = at;
	r->lines = w->lines - r->lines;
	r->bare_lf = w->bare - r->bare_lf;
}

/*
 * The line end before a boundary belongs to the boundary (RFC 2046 5.1.1),
 * unless it ends the header of an empty part: then `drop` is false for that
 * part and for those around it that end here too (invariant 2).
 */
static void
body_end(const struct walk *w, struct mime_range *r, bool drop)
{

	range_end(w, r, w->pos - (drop ? w->last_end : 0));
	if (drop) {
		r->lines--;
		r->bare_lf -= w->last_end == 1;
	}
}

/* Link a new part below the top of the stack and push it, its header starting at w->pos. */
static void
push(struct walk *w)
{
	struct mime_tree *t = w->tree;
	uint32_t id = t->count++;
	struct mime_part *p;

	if (t->count > w->cap) {
		w->cap = w->cap == 0 ? 8 : w->cap * 2;
		t->parts = mem_resize_array(t->parts, w->cap, sizeof(*t->parts));
	}
	p = &t->parts[id];
	*p = (struct mime_part){ .parent = MIME_NO_PART, .first_child = MIME_NO_PART, .next = MIME_NO_PART };
	p->header = range_start(w, w->pos);
	p->body = p->header;
	if (w->depth > 0) {
		struct open_part *above = top(w);

		p->parent = above->part;
		t->parts[above->part].children++;
		if (above->last_child == MIME_NO_PART)
			t->parts[above->part].first_child = id;
		else
			t->parts[above->last_child].next = id;
		above->last_child = id;
	}
	w->depth++;
	top(w)->part = id;
	top(w)->last_child = MIME_NO_PART;
	top(w)->in_header = true;
	top(w)->has_boundary = false;
	top(w)->is_digest = false;
}

static bool
may_push(struct walk *w)
{
	if (w->depth < LIMIT_MIME_DEPTH && w->tree->count < LIMIT_MIME_PARTS)
		return true;
	w->tree->truncated = true;
	return false;
}

static void
set_multipart(struct walk *w, const struct mime_value *type)
{
	struct open_part *o = top(w);
	struct span boundary = mime_value_param(type, "boundary");

	while (boundary.n > 0 && (boundary.p[boundary.n - 1] == ' ' || boundary.p[boundary.n - 1] == '\t'))
		boundary.n--;
	if (boundary.n == 0 || boundary.n > sizeof(o->boundary) || !may_push(w))
		return;
	w->tree->parts[o->part].kind = MIME_MULTIPART;
	memcpy(o->boundary, boundary.p, boundary.n);
	o->boundary_n = boundary.n;
	o->has_boundary = true;
	o->is_digest = span_is_nocase(type->subtype, "digest");
}

static bool
in_digest(const struct walk *w)
{
	return w->depth > 1 && w->stack[w->depth - 2].is_digest;
}

/* What the part is, from its header, which has just ended. */
static enum mime_kind
kind_of(struct walk *w, const struct mime_part *p, struct mime_value *type)
{
	struct span header = span_make(w->text.p + p->header.start, p->header.end - p->header.start);
	struct span value = header_find(header, "Content-Type");

	arena_reset(w->arena);
	if (value.p == NULL)
		return in_digest(w) ? MIME_MESSAGE : MIME_LEAF;
	if (!mime_value_parse(value, w->arena, type) || type->subtype.p == NULL)
		return MIME_LEAF;
	if (span_is_nocase(type->type, "multipart"))
		return MIME_MULTIPART;
	if (span_is_nocase(type->type, "message") && span_is_nocase(type->subtype, "rfc822"))
		return MIME_MESSAGE;
	return MIME_LEAF;
}

/* The header of the top part ends at `end`; its body starts at w->pos. */
static void
end_header(struct walk *w, size_t end)
{
	struct mime_part *p = &w->tree->parts[top(w)->part];
	struct mime_value type = { .count = 0 };
	enum mime_kind kind;

	range_end(w, &p->header, end);
	p->body = range_start(w, w->pos);
	top(w)->in_header = false;
	kind = kind_of(w, p, &type);
	if (kind == MIME_MULTIPART) {
		set_multipart(w, &type);
	} else if (kind == MIME_MESSAGE && may_push(w)) {
		p->kind = MIME_MESSAGE;
		push(w);
	}
}

static void
close_down_to(struct walk *w, size_t depth, bool at_boundary)
{
	bool drop = at_boundary && w->last_end > 0;

	while (top(w)->in_header)
		end_header(w, w->pos);
	while (w->depth > depth) {
		struct mime_range *body = &w->tree->parts[top(w)->part].body;

		drop = drop && w->pos > body->start;
		body_end(w, body, drop);
		w->depth--;
	}
}

static bool
is_boundary(const struct open_part *o, struct span s)
{
	return o->has_boundary && s.n > 0 && o->boundary_n == s.n &&
		o->boundary[s.n - 1] == s.p[s.n - 1] && memcmp(o->boundary, s.p, s.n) == 0;
}

/* Does the line (without "--") separate or close parts?  Acts on it and says so. */
static bool
take_boundary(struct walk *w, struct span s)
{
	struct span closing = SPAN_NONE;

	while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	if (s.n > 2 && s.p[s.n - 1] == '-' && s.p[s.n - 2] == '-')
		closing = span_first(s, s.n - 2);
	for (size_t i = w->depth; i-- > 0; ) {
		bool closes = closing.p != NULL && is_boundary(&w->stack[i], closing);

		if (!closes && !is_boundary(&w->stack[i], s))
			continue;
		if (!closes && w->tree->count >= LIMIT_MIME_PARTS) {
			w->tree->truncated = true;
			return false;
		}
		close_down_to(w, i + 1, true);
		w->stack[i].has_boundary = !closes;
		return true;
	}
	return false;
}

static void
take_line(struct walk *w)
{
	const char *start = w->text.p + w->pos;
	const char *lf = memchr(start, '\n', w->text.n - w->pos);
	size_t n = lf != NULL ? (size_t)(lf - start) + 1 : w->text.n - w->pos;
	size_t end = lf == NULL ? 0 : n > 1 && lf[-1] == '\r' ? 2 : 1;
	bool at_boundary = n - end >= 2 && start[0] == '-' && start[1] == '-' &&
		take_boundary(w, span_make(start + 2, n - end - 2));
	bool in_header = top(w)->in_header;

	w->pos += n;
	w->lines += end > 0;
	w->bare += end == 1;
	w->last_end = end;
	if (at_boundary && top(w)->has_boundary)
		push(w);
	else if (!at_boundary && in_header && n == end)
		end_header(w, w->pos);
}

void
mime_parse(struct span message, struct mime_tree *out)
{
	struct walk *w = mem_new(sizeof(*w));

	*out = (struct mime_tree){ .parts = NULL };
	w->text = message;
	w->tree = out;
	w->arena = arena_new(LIMIT_MIME_HEADER_MEMORY);
	push(w);
	while (w->pos < message.n)
		take_line(w);
	close_down_to(w, 0, false);
	arena_free(&w->arena);
	free(w);
}

void
mime_tree_free(struct mime_tree *t)
{
	free(t->parts);
	*t = (struct mime_tree){ .parts = NULL };
}

static uint32_t
nth_child(const struct mime_tree *t, uint32_t part, uint32_t n)
{
	uint32_t child = t->parts[part].first_child;

	while (child != MIME_NO_PART && --n > 0)
		child = t->parts[child].next;
	return child;
}

/* Part k of a message whose root part is `at`: a child, or with k == 1 the one body. */
static uint32_t
part_of_message(const struct mime_tree *t, uint32_t at, uint32_t k)
{
	if (t->parts[at].kind == MIME_MULTIPART)
		return nth_child(t, at, k);
	return k == 1 ? at : MIME_NO_PART;
}

uint32_t
mime_find(const struct mime_tree *t, const uint32_t *numbers, size_t n)
{
	uint32_t at = 0;

	for (size_t i = 0; i < n && at != MIME_NO_PART; i++) {
		const struct mime_part *p = &t->parts[at];

		if (numbers[i] == 0)
			return MIME_NO_PART;
		if (i == 0)
			at = part_of_message(t, at, numbers[i]);
		else if (p->kind == MIME_MESSAGE)
			at = part_of_message(t, p->first_child, numbers[i]);
		else if (p->kind == MIME_MULTIPART)
			at = nth_child(t, at, numbers[i]);
		else
			at = MIME_NO_PART;
	}
	return at;
}
