/* smtp/xtext: RFC 3461 section 4. */
#include "base/base.h"
#include "smtp/xtext.h"

void
smtp_xtext_print(struct span s, struct buf *out)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c < 0x21 || c > 0x7e || c == '+' || c == '=')
			buf_printf(out, "+%02X", c);
		else
			buf_char(out, (char)c);
	}
}

/* RFC 3461 asks for upper case; lower case is taken too, as others do. */
static int
hex_value(char c)
{
	if (char_is_digit(c))
		return c - '0';
	c = char_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool
smtp_xtext_parse(struct span s, struct buf *out)
{
	for (size_t i = 0; i < s.n; i++) {
		int c = (unsigned char)s.p[i];

		if (c == '+') {
			if (s.n - i < 3 || hex_value(s.p[i + 1]) < 0 || hex_value(s.p[i + 2]) < 0)
				return false;
			c = hex_value(s.p[i + 1]) * 16 + hex_value(s.p[i + 2]);
			i += 2;
		} else if (c == '=' || c == ' ') {
			return false;
		}
		if (c < 0x20 || c > 0x7e || !buf_char(out, (char)c))
			return false;
	}
	return true;
}
