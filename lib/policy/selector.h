/*
 * selector: the one language in which people say which messages, lines or
 * mails they mean.
 *
 *	age>1h & dest=example.org
 *	(sender~newsletter | size>=10M) & !(status=held)
 *	rcpt="odd name"@example.com
 *
 * A term is NAME OPERATOR VALUE; terms are joined by "&" (binds tighter), "|",
 * "!" and parentheses.  Texts: "=" is equality without letter case, where "*"
 * stands for any text; "~" is "contains"; "!=" is the opposite of "=".  Of a
 * name with several values, such as recipients, one that matches is enough.
 * Numbers, and ages and sizes, which are numbers with a unit: = != < <= > >=.
 * Ages take s m h d w (seconds without), sizes k M G (1024; bytes without).
 * A value with blanks or one of &|!()<>=~" is quoted by "...", where \ takes
 * the next character as it is.
 *
 * Pure: what the names are and mean is the caller's.
 */
#ifndef POLICY_SELECTOR_H
#define POLICY_SELECTOR_H

#include "base/base.h"
#include "base/span.h"

enum selector_kind { SELECTOR_TEXT, SELECTOR_NUMBER, SELECTOR_AGE, SELECTOR_SIZE };

struct selector_field {
	const char *name;
	enum selector_kind kind;
};

struct selector_value {
	struct span text;	/* of SELECTOR_TEXT */
	uint64_t number;	/* of the others; seconds, bytes */
};

/* The i-th value of a field of what is judged; false when it has no more. */
typedef bool selector_get(const void *what, size_t field, size_t i, struct selector_value *out);

#define SELECTOR_ERROR_MAX 160

struct selector;

/*
 * NULL with the reason in error when text is none: a name that is not among
 * the fields (the message lists them), a value of the wrong kind, more than
 * LIMIT_SELECTOR bytes, or deeper than LIMIT_SELECTOR_DEPTH.
 */
struct selector *selector_parse(struct span text, const struct selector_field *fields, size_t count,
	char error[SELECTOR_ERROR_MAX]) PB_MUST_CHECK;
void selector_free(struct selector **s);

bool selector_matches(const struct selector *s, selector_get *get, const void *what);

#endif
