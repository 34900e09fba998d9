/*
 * unitext: see unitext.h.  Trust: hostile text.  What has a spelling of its own
 * is taken in no other, so that two texts of one address are equal; controls,
 * which the grammar allows as \x{1}, stand in no address.
 */
#include "base/base.h"
#include "mail/unitext.h"

#include <unicode/utf16.h>
#include <unicode/utf8.h>

#define REPLACEMENT 0xfffd

/* ASCII that is written \x{HEX}: the blank, and what means something in xtext or here. */
static bool
is_special(UChar32 c)
{
	return c == ' ' || c == '+' || c == '=' || c == '\\';
}

/* The character at the start of s and its bytes; negative when it is no UTF-8. */
static UChar32
first_char(struct span s, size_t *n_out)
{
	const uint8_t *p = (const uint8_t *)s.p;
	int32_t i = 0, n = s.n < U8_MAX_LENGTH ? (int32_t)s.n : U8_MAX_LENGTH;
	UChar32 c;

	U8_NEXT(p, i, n, c);
	*n_out = c < 0 ? 1 : (size_t)i;
	return c;
}

size_t
unitext_next(struct span s)
{
	size_t n;

	(void)first_char(s, &n);
	return n;
}

/* \x{HEX} at the start of s: the character and the length of the whole; 0 when there is none. */
static size_t
read_embedded(struct span s, UChar32 *out)
{
	size_t i = 3;
	UChar32 c = 0;

	if (s.n < 5 || s.p[1] != 'x' || s.p[2] != '{' || s.p[3] == '0')
		return 0;
	for (; i < s.n && i < 9 && char_hex(s.p[i]) >= 0; i++)
		c = c << 4 | (UChar32)char_hex(s.p[i]);
	if (i == 3 || i >= s.n || s.p[i] != '}' || c > 0x10ffff || U_IS_SURROGATE(c))
		return 0;
	*out = c;
	return c > 0x9f || is_special(c) ? i + 1 : 0;
}

static void
put_char(UChar32 c, struct buf *out)
{
	char bytes[U8_MAX_LENGTH];
	int32_t n = 0;

	U8_APPEND_UNSAFE(bytes, n, c);
	buf_put(out, bytes, (size_t)n);
}

bool
unitext_parse(struct span s, struct buf *out, bool *eight_bit)
{
	*eight_bit = false;
	for (size_t i = 0, n; i < s.n; i += n) {
		UChar32 c = first_char(span_from(s, i), &n);

		if (c == '\\')
			n = read_embedded(span_from(s, i), &c);
		else if (c < 0x21 || (c > 0x7e && c < 0xa0) || is_special(c))
			return false;
		else
			*eight_bit |= c > 0x7e;
		if (n == 0)
			return false;
		put_char(c, out);
	}
	return !out->overflow;
}

void
unitext_print(struct span address, bool ascii, struct buf *out)
{
	for (size_t i = 0, n; i < address.n; i += n) {
		UChar32 c = first_char(span_from(address, i), &n);

		if (c < 0)
			c = REPLACEMENT;
		if (c < 0x21 || c == 0x7f || is_special(c) || (ascii && c > 0x7e))
			buf_printf(out, "\\x{%X}", (unsigned)c);
		else
			put_char(c, out);
	}
}
