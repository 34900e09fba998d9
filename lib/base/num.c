/*
 * num: see num.h.
 *
 * Trust: text is hostile; a number that does not fit is refused, never cut.
 */
#include "base/base.h"
#include "base/num.h"

bool
num_parse(struct span s, uint64_t max, uint64_t *out)
{
	uint64_t value = 0;

	if (s.n == 0)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (!char_is_digit(s.p[i]))
			return false;
		if (__builtin_mul_overflow(value, 10u, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(s.p[i] - '0'), &value) || value > max)
			return false;
	}
	*out = value;
	return true;
}

bool
num_parse_u32(struct span s, uint32_t max, uint32_t *out)
{
	uint64_t value;

	if (!num_parse(s, max, &value))
		return false;
	*out = (uint32_t)value;
	return true;
}

bool
num_parse_int(struct span s, int max, int *out)
{
	uint64_t value;

	if (max < 0 || !num_parse(s, (uint64_t)max, &value))
		return false;
	*out = (int)value;
	return true;
}

bool
num_parse_hex(struct span s, uint64_t *out)
{
	uint64_t value = 0;

	if (s.n == 0 || s.n > 16)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (char_hex(s.p[i]) < 0 || s.p[i] != char_lower(s.p[i]))
			return false;
		value = value << 4 | (uint64_t)char_hex(s.p[i]);
	}
	*out = value;
	return true;
}

bool
num_mul(size_t a, size_t b, size_t *out)
{
	return !__builtin_mul_overflow(a, b, out);
}
