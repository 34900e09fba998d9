/*
 * Sequence sets.  Parsing keeps what was written; resolving makes it a sorted
 * list of ranges that do not touch, so that a set of any size is asked in
 * O(log n) and cannot make a command quadratic.
 */
#include "base/base.h"
#include "base/limits.h"
#include "imap/set.h"

#include <stdlib.h>

static bool
take_number(struct imap_lex *x, uint32_t *out)
{
	if (imap_lex_char(x, '*')) {
		*out = IMAP_STAR;
		return true;
	}
	return imap_lex_number(x, out) && *out != 0;
}

/* Ranges are counted first, so that the arena is asked once. */
static size_t
count_ranges(struct span s)
{
	size_t n = 1;

	for (size_t i = 0; i < s.n && (char_is_digit(s.p[i]) || strchr("*:,", s.p[i]) != NULL); i++)
		n += s.p[i] == ',';
	return n;
}

static bool
take_range(struct imap_lex *x, struct imap_range *r)
{
	if (!take_number(x, &r->first))
		return false;
	r->last = r->first;
	return !imap_lex_char(x, ':') || take_number(x, &r->last);
}

bool
imap_set_parse(struct imap_lex *x, struct imap_set *out)
{
	struct imap_lex before = *x;
	size_t n = count_ranges(x->rest);

	*out = (struct imap_set){ .count = 0 };
	if (imap_lex_char(x, '$')) {
		out->saved = true;
		return true;
	}
	if (n > LIMIT_IMAP_RANGES || (out->at = arena_get(x->arena, n * sizeof(*out->at))) == NULL)
		return false;
	do {
		if (!take_range(x, &out->at[out->count++])) {
			*x = before;
			return false;
		}
	} while (imap_lex_char(x, ','));
	return true;
}

static int
by_first(const void *a, const void *b)
{
	const struct imap_range *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

void
imap_set_resolve(struct imap_set *s, uint32_t star)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->count; i++) {
		struct imap_range *r = &s->at[i];
		uint32_t first = r->first == IMAP_STAR ? star : r->first;
		uint32_t last = r->last == IMAP_STAR ? star : r->last;

		r->first = first < last ? first : last;
		r->last = first < last ? last : first;
	}
	if (s->count > 1)
		qsort(s->at, s->count, sizeof(*s->at), by_first);
	for (size_t i = 0; i < s->count; i++) {
		struct imap_range *before = kept > 0 ? &s->at[kept - 1] : NULL;

		if (before == NULL || s->at[i].first > before->last)
			s->at[kept++] = s->at[i];
		else if (s->at[i].last > before->last)
			before->last = s->at[i].last;
	}
	s->count = kept;
}

bool
imap_set_has(const struct imap_set *s, uint32_t n)
{
	size_t low = 0, high = s->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (n < s->at[middle].first)
			high = middle;
		else if (n > s->at[middle].last)
			low = middle + 1;
		else
			return true;
	}
	return false;
}

static void
put_range(const struct imap_set_print *p, struct buf *out)
{
	if (p->started)
		buf_char(out, ',');
	if (p->first == p->last)
		buf_printf(out, "%u", p->first);
	else
		buf_printf(out, "%u:%u", p->first, p->last);
}

void
imap_set_add(struct imap_set_print *p, uint32_t n, struct buf *out)
{
	if (p->first != 0 && n == p->last + 1) {
		p->last = n;
		return;
	}
	if (p->first != 0) {
		put_range(p, out);
		p->started = true;
	}
	p->first = p->last = n;
}

void
imap_set_finish(struct imap_set_print *p, struct buf *out)
{
	if (p->first != 0)
		put_range(p, out);
	*p = (struct imap_set_print){ .first = 0 };
}
