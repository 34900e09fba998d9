/*
 * smtp/xtext: the escaping of parameter values (RFC 3461 section 4).
 */
#ifndef SMTP_XTEXT_H
#define SMTP_XTEXT_H

#include "base/base.h"
#include "base/buf.h"
#include "base/span.h"

/* Append s with "+", "=" and all that is not printable written "+XX". */
void smtp_xtext_print(struct span s, struct buf *out);

/*
 * Append the decoded text.  False, with out in an undefined state, when s is
 * not xtext, decodes to a byte that is not printable ASCII, or does not fit.
 */
bool smtp_xtext_parse(struct span s, struct buf *out) PB_MUST_CHECK;

#endif
