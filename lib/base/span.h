/*
 * span: text that somebody else owns.
 *
 * A span is not terminated by NUL and may contain NUL.  It is valid as long
 * as the bytes it points to; functions here never allocate.  Case folding is
 * ASCII only: protocols ask for no other.
 */
#ifndef BASE_SPAN_H
#define BASE_SPAN_H

#include "base/base.h"

struct span {
	const char *p;
	size_t n;
};

/* A span over a string literal. */
#define SPAN(literal) ((struct span){ "" literal, sizeof(literal) - 1 })
#define SPAN_NONE ((struct span){ NULL, 0 })
/* For printf: printf("%.*s", SPAN_ARG(s)).  Only for spans under INT_MAX. */
#define SPAN_ARG(s) (int)(s).n, (s).p ? (s).p : ""

struct span span_of(const char *text);		/* NULL gives an empty span */
struct span span_make(const void *p, size_t n);

bool span_eq(struct span a, struct span b);
bool span_eq_nocase(struct span a, struct span b);
bool span_is(struct span a, const char *text);
bool span_is_nocase(struct span a, const char *text);
bool span_starts(struct span s, struct span prefix);
bool span_starts_nocase(struct span s, struct span prefix);
bool span_ends_nocase(struct span s, struct span suffix);
/* Order as memcmp, shorter first; for sorting and bsearch. */
int span_cmp(struct span a, struct span b);

/* Position of the first c, of the last c, of the first occurrence; -1 when absent. */
ssize_t span_find(struct span s, char c);
ssize_t span_rfind(struct span s, char c);
ssize_t span_search(struct span s, struct span what);
ssize_t span_search_nocase(struct span s, struct span what);

/* The part from `from` (clamped) to the end, and the first n bytes (clamped). */
struct span span_from(struct span s, size_t from);
struct span span_first(struct span s, size_t n);

/* Without leading and trailing SP, TAB, CR and LF. */
struct span span_trim(struct span s);

/*
 * Cut *rest at the first c: returns what stands before it and leaves what
 * follows in *rest.  Without c the whole is returned and *rest becomes
 * SPAN_NONE (p == NULL), which is how a loop ends:
 *	while (rest.p != NULL) { field = span_cut(&rest, ','); ... }
 */
struct span span_cut(struct span *rest, char c);

/* Cut the next word (separated by SP or TAB); an empty span when none is left. */
struct span span_word(struct span *rest);

bool char_is_alpha(char c);
bool char_is_digit(char c);
bool char_is_alnum(char c);
char char_lower(char c);
int char_hex(char c);		/* value of a hex digit in either case; -1 for another */

#endif
