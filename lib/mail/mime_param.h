/*
 * mime_param: Content-Type, Content-Disposition and the like: a value and its
 * parameters (RFC 2045 5.1), with RFC 2231 continuations and charsets joined.
 */
#ifndef MAIL_MIME_PARAM_H
#define MAIL_MIME_PARAM_H

#include "base/base.h"
#include "base/mem.h"
#include "base/span.h"

struct mime_param {
	struct span name;	/* as written, without the RFC 2231 "*0*" tail */
	struct span value;	/* unquoted; of an extended parameter percent-decoded, in UTF-8 when it can be */
};

struct mime_value {
	struct span type;	/* "text" of "text/plain"; the whole of a value without a slash */
	struct span subtype;	/* "plain"; SPAN_NONE without a slash */
	struct mime_param *params;
	size_t count;		/* at most LIMIT_MIME_PARAMS; the rest is not read */
};

/*
 * Read a field value.  Returns false when it does not start with a token (a
 * Content-Type also needs the slash, which the caller checks by subtype.p).
 * Of parameters with one name the first counts.  Results live in the arena.
 */
bool mime_value_parse(struct span value, struct arena *a, struct mime_value *out) PB_MUST_CHECK;

/*
 * The same without joining RFC 2231 parts: names keep "*0*", values stay
 * percent-encoded, in the order written, as BODYSTRUCTURE shows them.
 */
bool mime_value_parse_raw(struct span value, struct arena *a, struct mime_value *out) PB_MUST_CHECK;

/* Value of a parameter, letter case ignored; SPAN_NONE when absent. */
struct span mime_value_param(const struct mime_value *v, const char *name);

/* A token or quoted string at the start of *rest, comments and blanks before it skipped. */
bool mime_word(struct span *rest, struct arena *a, struct span *out) PB_MUST_CHECK;

#endif
