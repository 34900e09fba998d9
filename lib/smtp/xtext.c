/*
 * xtext: see xtext.h.  Trust: hostile text.  RFC 3461 asks for upper-case
 * digits; lower case is taken too, as others do.
 */
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

bool
smtp_xtext_parse(struct span s, struct buf *out)
{
	for (size_t i = 0; i < s.n; i++) {
		int c = (unsigned char)s.p[i];

		if (c == '+') {
			if (s.n - i < 3 || char_hex(s.p[i + 1]) < 0 || char_hex(s.p[i + 2]) < 0)
				return false;
			c = char_hex(s.p[i + 1]) * 16 + char_hex(s.p[i + 2]);
			i += 2;
		} else if (c == '=' || c == ' ') {
			return false;
		}
		if (c < 0x20 || c > 0x7e || !buf_char(out, (char)c))
			return false;
	}
	return true;
}
