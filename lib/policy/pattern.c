/*
 * pattern: matching with one place to come back to.
 *
 * When the text behind a "*" does not fit, only the last "*" needs to take one
 * byte more: an earlier one could not do better.
 */
#include "base/base.h"
#include "policy/pattern.h"

bool
pattern_text_matches(struct span p, struct span s)
{
	size_t i = 0, k = 0, back_i = SIZE_MAX, back_k = 0;

	while (k < s.n) {
		if (i < p.n && p.p[i] == '*') {
			back_i = i++;
			back_k = k;
		} else if (i < p.n && char_lower(p.p[i]) == char_lower(s.p[k])) {
			i++;
			k++;
		} else if (back_i != SIZE_MAX) {
			i = back_i + 1;
			k = ++back_k;
		} else {
			return false;
		}
	}
	while (i < p.n && p.p[i] == '*')
		i++;
	return i == p.n;
}

bool
pattern_matches(struct span pattern, struct span address)
{
	if (span_find(pattern, '@') >= 0)
		return pattern_text_matches(pattern, address);
	return pattern_text_matches(pattern, span_from(address, (size_t)(span_rfind(address, '@') + 1)));
}
