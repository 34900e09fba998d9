/*
 * num: numbers that came from outside.
 *
 * Parsing takes the whole span, decimal digits only, no sign, no blanks.
 */
#ifndef BASE_NUM_H
#define BASE_NUM_H

#include "base/base.h"
#include "base/span.h"

/* True, and *out set, when s is a decimal number of at most max. */
bool num_parse(struct span s, uint64_t max, uint64_t *out) PB_MUST_CHECK;
bool num_parse_u32(struct span s, uint32_t max, uint32_t *out) PB_MUST_CHECK;
bool num_parse_int(struct span s, int max, int *out) PB_MUST_CHECK;

/* The same for 1 to 16 hexadecimal digits, lower case only, as our own files have them. */
bool num_parse_hex(struct span s, uint64_t *out) PB_MUST_CHECK;

/* True, and *out set, when the result fits. */
bool num_mul(size_t a, size_t b, size_t *out) PB_MUST_CHECK;

#endif
