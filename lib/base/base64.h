/*
 * base64: RFC 4648 section 4, strict, for protocols.  (Bodies of messages are
 * read leniently by lib/mail.)
 */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include "base/base.h"
#include "base/buf.h"
#include "base/span.h"

/* Append the base64 of data, with padding, without line breaks. */
bool base64_encode(struct buf *out, struct span data);

/*
 * Append the decoded text.  False when text is not whole groups of the alphabet
 * with right padding and zero rest bits, or when out is full.
 */
bool base64_decode(struct span text, struct buf *out) PB_MUST_CHECK;

/* 0 to 63 for a byte of the alphabet, -1 for another ("=" too). */
int base64_value(char c);

#endif
