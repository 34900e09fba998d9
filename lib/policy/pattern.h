/*
 * pattern: addresses and domains with "*" for any text, as administrators list
 * them ("*@spam.example", "example.org", "sales-*@example.com").
 */
#ifndef POLICY_PATTERN_H
#define POLICY_PATTERN_H

#include "base/base.h"
#include "base/span.h"

/*
 * Does the address match?  Letter case is ignored.  A pattern without "@" is
 * held against the domain alone.  Takes time in proportion to the product of
 * both lengths at most, whatever the pattern.
 */
bool pattern_matches(struct span pattern, struct span address);

/* The same for any text as a whole. */
bool pattern_text_matches(struct span pattern, struct span text);

#endif
