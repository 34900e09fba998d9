/*
 * SEARCH keys, by recursive descent whose depth is capped: each level of NOT,
 * OR and parentheses counts.
 *
 * Trust: hostile text.  Sets and strings live in the arena of the lexer.
 */
#include "base/base.h"
#include "base/limits.h"
#include "imap/command.h"
#include "imap/search.h"

struct reader {
	struct imap_lex *x;
	struct imap_search *s;
	enum imap_search_result error;	/* the first that is not plain BAD */
};

static uint32_t take_key(struct reader *r, unsigned depth);

static uint32_t
new_node(struct reader *r, enum imap_search_kind kind)
{
	struct imap_search_node *n;

	if (r->s->count == LIMIT_IMAP_SEARCH_KEYS) {
		r->error = IMAP_SEARCH_TOO_MANY;
		return SEARCH_NO_NODE;
	}
	n = &r->s->nodes[r->s->count];
	*n = (struct imap_search_node){ .kind = kind, .first_child = SEARCH_NO_NODE, .next = SEARCH_NO_NODE };
	return r->s->count++;
}

struct word {
	const char *name;
	enum imap_search_kind kind;
	char letter;		/* LETTER; lower case: negated */
	const char *field;	/* HEADER */
};

static const struct word words[] = {
	{ "ALL", SEARCH_ALL, 0, NULL },
	{ "ANSWERED", SEARCH_LETTER, 'R', NULL }, { "UNANSWERED", SEARCH_LETTER, 'r', NULL },
	{ "DELETED", SEARCH_LETTER, 'T', NULL }, { "UNDELETED", SEARCH_LETTER, 't', NULL },
	{ "DRAFT", SEARCH_LETTER, 'D', NULL }, { "UNDRAFT", SEARCH_LETTER, 'd', NULL },
	{ "FLAGGED", SEARCH_LETTER, 'F', NULL }, { "UNFLAGGED", SEARCH_LETTER, 'f', NULL },
	{ "SEEN", SEARCH_LETTER, 'S', NULL }, { "UNSEEN", SEARCH_LETTER, 's', NULL },
	{ "RECENT", SEARCH_RECENT, 0, NULL },
	{ "LARGER", SEARCH_LARGER, 0, NULL }, { "SMALLER", SEARCH_SMALLER, 0, NULL },
	{ "BEFORE", SEARCH_BEFORE, 0, NULL }, { "ON", SEARCH_ON, 0, NULL }, { "SINCE", SEARCH_SINCE, 0, NULL },
	{ "SENTBEFORE", SEARCH_SENTBEFORE, 0, NULL }, { "SENTON", SEARCH_SENTON, 0, NULL },
	{ "SENTSINCE", SEARCH_SENTSINCE, 0, NULL },
	{ "YOUNGER", SEARCH_YOUNGER, 0, NULL }, { "OLDER", SEARCH_OLDER, 0, NULL },
	{ "MODSEQ", SEARCH_MODSEQ, 0, NULL },
	{ "FROM", SEARCH_HEADER, 0, "From" }, { "TO", SEARCH_HEADER, 0, "To" }, { "CC", SEARCH_HEADER, 0, "Cc" },
	{ "BCC", SEARCH_HEADER, 0, "Bcc" }, { "SUBJECT", SEARCH_HEADER, 0, "Subject" },
	{ "HEADER", SEARCH_HEADER, 0, NULL },
	{ "BODY", SEARCH_BODY, 0, NULL }, { "TEXT", SEARCH_TEXT, 0, NULL },
	{ "KEYWORD", SEARCH_KEYWORD, 0, NULL },
	{ "UID", SEARCH_UID, 0, NULL }
};

static const struct word *
find_word(struct span name)
{
	for (size_t i = 0; i < PB_COUNT(words); i++)
		if (span_is_nocase(name, words[i].name))
			return &words[i];
	return NULL;
}

/* What stands behind the name of a simple key. */
static bool
take_argument(struct reader *r, const struct word *w, struct imap_search_node *n)
{
	struct imap_lex *x = r->x;
	uint64_t number;

	switch (w->kind) {
	case SEARCH_ALL:
	case SEARCH_LETTER:
	case SEARCH_RECENT:
	case SEARCH_AND:
	case SEARCH_OR:
	case SEARCH_NOT:
	case SEARCH_SEQUENCE:
		return true;
	case SEARCH_LARGER:
	case SEARCH_SMALLER:
	case SEARCH_YOUNGER:
	case SEARCH_OLDER:
	case SEARCH_MODSEQ:
		if (!imap_lex_space(x) || !imap_lex_number64(x, &number))
			return false;
		n->number = (int64_t)number;
		return true;
	case SEARCH_BEFORE:
	case SEARCH_ON:
	case SEARCH_SINCE:
	case SEARCH_SENTBEFORE:
	case SEARCH_SENTON:
	case SEARCH_SENTSINCE:
		return imap_lex_space(x) && imap_date_parse(x, &n->number);
	case SEARCH_HEADER:
		n->field = span_of(w->field);
		if (w->field == NULL && (!imap_lex_space(x) || !imap_lex_astring(x, &n->field)))
			return false;
		return imap_lex_space(x) && imap_lex_astring(x, &n->text);
	case SEARCH_BODY:
	case SEARCH_TEXT:
		return imap_lex_space(x) && imap_lex_astring(x, &n->text);
	case SEARCH_KEYWORD:
		return imap_lex_space(x) && imap_lex_atom(x, &n->text);
	case SEARCH_UID:
		return imap_lex_space(x) && imap_set_parse(x, &n->set);
	}
	return false;
}

static uint32_t
negated(struct reader *r, uint32_t child)
{
	uint32_t n = child == SEARCH_NO_NODE ? child : new_node(r, SEARCH_NOT);

	if (n != SEARCH_NO_NODE)
		r->s->nodes[n].first_child = child;
	return n;
}

static uint32_t
take_simple(struct reader *r, const struct word *w)
{
	uint32_t n = new_node(r, w->kind);

	if (n == SEARCH_NO_NODE)
		return n;
	if (!take_argument(r, w, &r->s->nodes[n]))
		return SEARCH_NO_NODE;
	if (w->kind != SEARCH_LETTER || w->letter < 'a') {
		r->s->nodes[n].letter = w->letter;
		return n;
	}
	r->s->nodes[n].letter = (char)(w->letter - 'a' + 'A');
	return negated(r, n);
}

static uint32_t
take_or(struct reader *r, unsigned depth)
{
	uint32_t n = new_node(r, SEARCH_OR), a, b;

	if (n == SEARCH_NO_NODE || !imap_lex_space(r->x) ||
	    (a = take_key(r, depth + 1)) == SEARCH_NO_NODE || !imap_lex_space(r->x) ||
	    (b = take_key(r, depth + 1)) == SEARCH_NO_NODE)
		return SEARCH_NO_NODE;
	r->s->nodes[n].first_child = a;
	r->s->nodes[a].next = b;
	return n;
}

/* Keys one after the other, all of which must match. */
static bool
take_keys(struct reader *r, uint32_t parent, unsigned depth)
{
	uint32_t last = SEARCH_NO_NODE;

	do {
		uint32_t key = take_key(r, depth);

		if (key == SEARCH_NO_NODE)
			return false;
		if (last == SEARCH_NO_NODE)
			r->s->nodes[parent].first_child = key;
		else
			r->s->nodes[last].next = key;
		last = key;
	} while (imap_lex_space(r->x));
	return true;
}

static uint32_t
take_list(struct reader *r, unsigned depth)
{
	uint32_t n = new_node(r, SEARCH_AND);

	if (n == SEARCH_NO_NODE || !take_keys(r, n, depth + 1) || !imap_lex_char(r->x, ')'))
		return SEARCH_NO_NODE;
	return n;
}

static uint32_t
take_sequence(struct reader *r)
{
	uint32_t n = new_node(r, SEARCH_SEQUENCE);

	if (n == SEARCH_NO_NODE || !imap_set_parse(r->x, &r->s->nodes[n].set))
		return SEARCH_NO_NODE;
	return n;
}

/* NEW is RECENT UNSEEN (RFC 3501 6.4.4). */
static uint32_t
take_new(struct reader *r)
{
	static const struct word unseen = { "UNSEEN", SEARCH_LETTER, 's', NULL };
	uint32_t all = new_node(r, SEARCH_AND);
	uint32_t recent = all == SEARCH_NO_NODE ? all : new_node(r, SEARCH_RECENT);
	uint32_t not_seen = recent == SEARCH_NO_NODE ? recent : take_simple(r, &unseen);

	if (not_seen == SEARCH_NO_NODE)
		return not_seen;
	r->s->nodes[all].first_child = recent;
	r->s->nodes[recent].next = not_seen;
	return all;
}

static uint32_t
take_named(struct reader *r, struct span name, unsigned depth)
{
	static const struct word keyword = { "KEYWORD", SEARCH_KEYWORD, 0, NULL };
	static const struct word recent = { "RECENT", SEARCH_RECENT, 0, NULL };
	const struct word *w = find_word(name);

	if (w != NULL)
		return take_simple(r, w);
	if (span_is_nocase(name, "NOT"))
		return imap_lex_space(r->x) ? negated(r, take_key(r, depth + 1)) : SEARCH_NO_NODE;
	if (span_is_nocase(name, "OR"))
		return take_or(r, depth);
	if (span_is_nocase(name, "UNKEYWORD"))
		return negated(r, take_simple(r, &keyword));
	if (span_is_nocase(name, "OLD"))
		return negated(r, take_simple(r, &recent));
	return span_is_nocase(name, "NEW") ? take_new(r) : SEARCH_NO_NODE;
}

static uint32_t
take_key(struct reader *r, unsigned depth)
{
	struct span name;

	if (depth > LIMIT_IMAP_NESTING) {
		r->error = IMAP_SEARCH_TOO_DEEP;
		return SEARCH_NO_NODE;
	}
	if (imap_lex_char(r->x, '('))
		return take_list(r, depth);
	if (r->x->rest.n > 0 && (char_is_digit(r->x->rest.p[0]) || imap_lex_is(r->x, '*') || imap_lex_is(r->x, '$')))
		return take_sequence(r);
	return imap_lex_atom(r->x, &name) ? take_named(r, name, depth) : SEARCH_NO_NODE;
}

enum imap_search_result
imap_search_parse(struct imap_lex *x, struct imap_search *out)
{
	struct reader r = { .x = x, .s = out, .error = IMAP_SEARCH_BAD };

	*out = (struct imap_search){ .count = 0 };
	out->nodes = arena_get(x->arena, LIMIT_IMAP_SEARCH_KEYS * sizeof(*out->nodes));
	if (out->nodes == NULL || new_node(&r, SEARCH_AND) == SEARCH_NO_NODE)
		return IMAP_SEARCH_TOO_MANY;
	if (imap_lex_word(x, "CHARSET") &&
	    (!imap_lex_space(x) || !imap_lex_astring(x, &out->charset) || !imap_lex_space(x)))
		return IMAP_SEARCH_BAD;
	if (!take_keys(&r, 0, 1) || !imap_lex_end(x))
		return r.error;
	return IMAP_SEARCH_OK;
}
