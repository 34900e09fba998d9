/*
 * auth_line: lines of the Dovecot authentication protocol, version 1.2.
 *
 * A line is a verb and fields, separated by TAB and ended by LF; fields after
 * the fixed ones are `name` or `name=value`.  In a value NUL, \001, TAB, CR and
 * LF are written \0010 \0011 \001t \001r \001n.  `resp=` is always the last
 * field.  Pure: spans in, spans and text out.
 */
#ifndef DIRECTORY_AUTH_LINE_H
#define DIRECTORY_AUTH_LINE_H

#include "base/base.h"
#include "base/buf.h"
#include "base/span.h"

struct auth_line {
	struct span verb;
	struct span rest;	/* what follows the verb's TAB; empty without one */
};

struct auth_line auth_line_split(struct span line);

/* Cut the next field; an empty span when none is left. */
struct span auth_line_field(struct auth_line *l);

/*
 * The value of `name` among the fields not cut yet, still escaped.  SPAN_NONE
 * when it is absent; a field without "=" has an empty, non-NULL value.
 * For "resp" the value reaches to the end of the line.
 */
struct span auth_line_get(const struct auth_line *l, const char *name);

/* Append ` name=value` (TAB, escaped), or only the name when value.p is NULL. */
void auth_line_add(struct buf *out, const char *name, struct span value);

/* Append value without its escapes; false when an escape is unknown or cut. */
bool auth_line_unescape(struct span value, struct buf *out) PB_MUST_CHECK;

#endif
