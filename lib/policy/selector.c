/*
 * selector: recursive descent into a tree, and a walk over it.
 *
 * An AND or OR node has a list of children, so a long chain of terms costs no
 * depth: only parentheses and "!" do, and these are limited.
 */
#include "base/base.h"
#include "policy/selector.h"

#include "base/die.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/num.h"
#include "policy/pattern.h"

enum operation { NODE_AND, NODE_OR, NODE_NOT, NODE_TERM };
enum comparison { IS, IS_NOT, LESS, AT_MOST, MORE, AT_LEAST, CONTAINS };

struct node {
	enum operation op;
	struct node *child, *next;	/* children of AND, OR, NOT */
	size_t field;			/* of a term, as the next four */
	enum selector_kind kind;
	enum comparison cmp;
	struct span text;
	uint64_t number;
};

struct selector {
	struct arena *arena;
	struct node *root;
};

struct parser {
	struct selector *s;
	struct span rest;
	const char *start;
	const struct selector_field *fields;
	size_t field_count;
	unsigned depth;
	char *error;
};

/* -- parsing ------------------------------------------------------------------ */

static bool
fail(const struct parser *p, const char *what)
{
	if (p->error[0] == '\0')
		snprintf(p->error, SELECTOR_ERROR_MAX, "%s at byte %zu", what, (size_t)(p->rest.p - p->start) + 1);
	return false;
}

static void
skip_blanks(struct parser *p)
{
	while (p->rest.n > 0 && (p->rest.p[0] == ' ' || p->rest.p[0] == '\t'))
		p->rest = span_from(p->rest, 1);
}

static bool
take(struct parser *p, const char *token)
{
	skip_blanks(p);
	if (!span_starts(p->rest, span_of(token)))
		return false;
	p->rest = span_from(p->rest, strlen(token));
	return true;
}

/* LIMIT_SELECTOR bounds the text and so the nodes: the arena has room. */
static struct node *
new_node(struct parser *p, enum operation op)
{
	struct node *n = arena_get(p->s->arena, sizeof(*n));

	if (n == NULL)
		bug("a selector outgrew its arena");
	n->op = op;
	return n;
}

static bool
is_plain(char c)
{
	return strchr(" \t&|!()<>=~\"", c) == NULL || c == '\0';
}

/* Plain characters and quoted parts, up to the first that is neither. */
static bool
take_value(struct parser *p, struct span *out)
{
	char value[LIMIT_SELECTOR];
	bool quoted = false, any = false;
	size_t n = 0, i = 0;

	for (; i < p->rest.n && (quoted || p->rest.p[i] == '"' || is_plain(p->rest.p[i])); i++) {
		char c = p->rest.p[i];

		any = true;
		if (c == '"')
			quoted = !quoted;
		else if (quoted && c == '\\' && i + 1 < p->rest.n)
			value[n++] = p->rest.p[++i];
		else
			value[n++] = c;
	}
	if (quoted)
		return fail(p, "a quotation is not closed");
	if (!any)
		return fail(p, "a value is missing");
	p->rest = span_from(p->rest, i);
	*out = span_make(arena_copy(p->s->arena, span_make(value, n)), n);
	return out->p != NULL || fail(p, "the selector is too long");
}

static bool
take_field(struct parser *p, struct node *term)
{
	char known[SELECTOR_ERROR_MAX] = "";
	size_t n = 0;
	struct span name;

	while (n < p->rest.n && (char_is_alnum(p->rest.p[n]) || p->rest.p[n] == '-'))
		n++;
	name = span_first(p->rest, n);
	for (size_t i = 0; i < p->field_count; i++)
		if (n > 0 && span_is_nocase(name, p->fields[i].name)) {
			term->field = i;
			term->kind = p->fields[i].kind;
			p->rest = span_from(p->rest, n);
			return true;
		}
	for (size_t i = 0; i < p->field_count; i++)
		snprintf(known + strlen(known), sizeof(known) - strlen(known), " %s", p->fields[i].name);
	snprintf(p->error, SELECTOR_ERROR_MAX, "no such name at byte %zu; there are%.100s",
		(size_t)(p->rest.p - p->start) + 1, known);
	return false;
}

static bool
take_comparison(struct parser *p, struct node *term)
{
	static const struct { const char *token; enum comparison cmp; bool text, number; } table[] = {
		{ "!=", IS_NOT, true, true }, { "<=", AT_MOST, false, true }, { ">=", AT_LEAST, false, true },
		{ "=", IS, true, true }, { "~", CONTAINS, true, false }, { "<", LESS, false, true },
		{ ">", MORE, false, true },
	};

	for (size_t i = 0; i < PB_COUNT(table); i++)
		if (take(p, table[i].token)) {
			term->cmp = table[i].cmp;
			if (term->kind == SELECTOR_TEXT ? table[i].text : table[i].number)
				return true;
			return fail(p, term->kind == SELECTOR_TEXT ? "a text knows only = != ~" :
				"a number knows no ~");
		}
	return fail(p, "one of = != ~ < <= > >= is missing");
}

/* Digits and a unit of the kind. */
static bool
parse_number(struct span text, enum selector_kind kind, uint64_t *out)
{
	static const struct { char unit; enum selector_kind kind; uint64_t factor; } units[] = {
		{ 's', SELECTOR_AGE, 1 }, { 'm', SELECTOR_AGE, 60 }, { 'h', SELECTOR_AGE, 3600 },
		{ 'd', SELECTOR_AGE, 86400 }, { 'w', SELECTOR_AGE, 604800 },
		{ 'k', SELECTOR_SIZE, 1 << 10 }, { 'm', SELECTOR_SIZE, 1 << 20 }, { 'g', SELECTOR_SIZE, 1 << 30 },
	};
	uint64_t factor = 1;

	for (size_t i = 0; text.n > 0 && i < PB_COUNT(units); i++)
		if (units[i].kind == kind && char_lower(text.p[text.n - 1]) == units[i].unit) {
			factor = units[i].factor;
			text = span_first(text, text.n - 1);
			break;
		}
	if (!num_parse(text, UINT64_MAX / factor, out))
		return false;
	*out *= factor;
	return true;
}

static bool
take_term(struct parser *p, struct node **out)
{
	struct node *term = new_node(p, NODE_TERM);

	skip_blanks(p);
	if (!take_field(p, term) || !take_comparison(p, term))
		return false;
	skip_blanks(p);
	if (!take_value(p, &term->text))
		return false;
	*out = term;
	if (term->kind == SELECTOR_TEXT || parse_number(term->text, term->kind, &term->number))
		return true;
	return fail(p, term->kind == SELECTOR_AGE ? "an age is a number with s, m, h, d or w, before here," :
		term->kind == SELECTOR_SIZE ? "a size is a number with k, M or G, before here," : "no number before here,");
}

static bool take_or(struct parser *p, struct node **out);

static bool
take_factor(struct parser *p, struct node **out)
{
	bool good;

	if (take(p, "!")) {
		*out = new_node(p, NODE_NOT);
		if (++p->depth > LIMIT_SELECTOR_DEPTH)
			return fail(p, "nested too deeply");
		good = take_factor(p, &(*out)->child);
	} else if (take(p, "(")) {
		if (++p->depth > LIMIT_SELECTOR_DEPTH)
			return fail(p, "nested too deeply");
		good = take_or(p, out) && (take(p, ")") || fail(p, "a \")\" is missing"));
	} else {
		return take_term(p, out);
	}
	p->depth--;
	return good;
}

/* One or more of what `part` takes, joined by the token. */
static bool
take_list(struct parser *p, enum operation op, const char *token,
	bool (*part)(struct parser *, struct node **), struct node **out)
{
	struct node *list, **end;

	if (!part(p, out))
		return false;
	if (!take(p, token))
		return true;
	list = new_node(p, op);
	list->child = *out;
	end = &list->child->next;
	do {
		if (!part(p, end))
			return false;
		end = &(*end)->next;
	} while (take(p, token));
	*out = list;
	return true;
}

static bool
take_and(struct parser *p, struct node **out)
{
	return take_list(p, NODE_AND, "&", take_factor, out);
}

static bool
take_or(struct parser *p, struct node **out)
{
	return take_list(p, NODE_OR, "|", take_and, out);
}

struct selector *
selector_parse(struct span text, const struct selector_field *fields, size_t count,
	char error[SELECTOR_ERROR_MAX])
{
	struct selector *s = mem_new(sizeof(*s));
	struct parser p = { .s = s, .rest = text, .start = text.p, .fields = fields, .field_count = count, .error = error };
	bool good;

	error[0] = '\0';
	/* No byte of text makes more than a node and its own copy. */
	s->arena = arena_new(LIMIT_SELECTOR * (2 * sizeof(struct node) + 32));
	if (text.n > LIMIT_SELECTOR)
		good = fail(&p, "the selector is too long");
	else
		good = take_or(&p, &s->root);
	skip_blanks(&p);
	if (good && p.rest.n > 0)
		good = fail(&p, "\"&\" or \"|\" is missing");
	if (!good)
		selector_free(&s);
	return s;
}

void
selector_free(struct selector **s)
{
	if (*s == NULL)
		return;
	arena_free(&(*s)->arena);
	free(*s);
	*s = NULL;
}

/* -- judging ------------------------------------------------------------------ */

static bool
text_fits(const struct node *t, struct span value)
{
	if (t->cmp == CONTAINS)
		return span_search_nocase(value, t->text) >= 0;
	return pattern_text_matches(t->text, value);
}

static bool
number_fits(const struct node *t, uint64_t value)
{
	return t->cmp == LESS ? value < t->number : t->cmp == AT_MOST ? value <= t->number :
		t->cmp == MORE ? value > t->number : t->cmp == AT_LEAST ? value >= t->number :
		value == t->number;
}

/* "!=": no value is equal. */
static bool
term_fits(const struct node *t, selector_get *get, const void *what)
{
	struct selector_value v;

	for (size_t i = 0; get(what, t->field, i, &v); i++)
		if (t->kind == SELECTOR_TEXT ? text_fits(t, v.text) : number_fits(t, v.number))
			return t->cmp != IS_NOT;
	return t->cmp == IS_NOT;
}

static bool
node_fits(const struct node *n, selector_get *get, const void *what)
{
	if (n->op == NODE_TERM)
		return term_fits(n, get, what);
	if (n->op == NODE_NOT)
		return !node_fits(n->child, get, what);
	for (const struct node *c = n->child; c != NULL; c = c->next)
		if (node_fits(c, get, what) == (n->op == NODE_OR))
			return n->op == NODE_OR;
	return n->op == NODE_AND;
}

bool
selector_matches(const struct selector *s, selector_get *get, const void *what)
{
	return node_fits(s->root, get, what);
}
