/*
 * Modified UTF-7.  Trust: names come from clients and from directory entries.
 * decode accepts only what encode would write, so two spellings never name one
 * mailbox: it decodes and compares with the encoding of the result.
 */
#include "base/base.h"
#include "base/limits.h"
#include "mail/utf7.h"

#include <unicode/utf16.h>
#include <unicode/utf8.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

static bool
is_direct(char c)
{
	return c >= 0x20 && c <= 0x7e;
}

static void
put_code_point(UChar32 c, struct buf *utf8)
{
	char bytes[U8_MAX_LENGTH];
	int32_t n = 0;

	U8_APPEND_UNSAFE(bytes, n, c);
	buf_put(utf8, bytes, (size_t)n);
}

/* The text between "&" and "-": UTF-16 in base64. */
static bool
decode_run(struct span run, struct buf *utf8)
{
	uint32_t bits = 0;
	unsigned have = 0;
	UChar32 high = 0;

	for (size_t i = 0; i < run.n; i++) {
		const char *d = memchr(digits, run.p[i], 64);
		UChar32 unit;

		if (d == NULL)
			return false;
		bits = bits << 6 | (uint32_t)(d - digits);
		have += 6;
		if (have < 16)
			continue;
		have -= 16;
		unit = (UChar32)(bits >> have & 0xffff);
		if (high != 0) {
			if (!U16_IS_TRAIL(unit))
				return false;
			put_code_point(U16_GET_SUPPLEMENTARY(high, unit), utf8);
			high = 0;
		} else if (U16_IS_LEAD(unit)) {
			high = unit;
		} else if (U16_IS_TRAIL(unit) || unit == 0) {
			return false;
		} else {
			put_code_point(unit, utf8);
		}
	}
	return high == 0;
}

static bool
decode(struct span s, struct buf *utf8)
{
	while (s.n > 0) {
		ssize_t end;

		if (!is_direct(s.p[0]))
			return false;
		if (s.p[0] != '&') {
			buf_char(utf8, s.p[0]);
			s = span_from(s, 1);
			continue;
		}
		end = span_find(s, '-');
		if (end < 0)
			return false;
		if (end == 1)
			buf_char(utf8, '&');
		else if (!decode_run(span_from(span_first(s, (size_t)end), 1), utf8))
			return false;
		s = span_from(s, (size_t)end + 1);
	}
	return !utf8->overflow;
}

bool
utf7_decode(struct span utf7, struct buf *utf8)
{
	size_t start = utf8->n;
	struct buf again;
	bool same;

	if (utf7.n > LIMIT_MAILBOX_NAME || !decode(utf7, utf8))
		return false;
	buf_init(&again, LIMIT_MAILBOX_NAME * 4);
	same = utf7_encode(span_from(buf_view(utf8), start), &again) && span_eq(buf_view(&again), utf7);
	buf_free(&again);
	return same;
}

struct encoder {
	struct buf *out;
	uint32_t bits;
	unsigned have;
	bool open;
};

static void
put_unit(struct encoder *e, uint32_t unit)
{
	if (!e->open)
		buf_char(e->out, '&');
	e->open = true;
	e->bits = e->bits << 16 | unit;
	for (e->have += 16; e->have >= 6; ) {
		e->have -= 6;
		buf_char(e->out, digits[e->bits >> e->have & 63]);
	}
}

static void
end_run(struct encoder *e)
{
	if (e->open && e->have > 0)
		buf_char(e->out, digits[e->bits << (6 - e->have) & 63]);
	if (e->open)
		buf_char(e->out, '-');
	*e = (struct encoder){ .out = e->out };
}

bool
utf7_encode(struct span utf8, struct buf *utf7)
{
	struct encoder e = { .out = utf7 };
	int32_t i = 0;

	if (utf8.n > LIMIT_MAILBOX_NAME * 2)
		return false;
	while (i < (int32_t)utf8.n) {
		UChar32 c;

		U8_NEXT(utf8.p, i, (int32_t)utf8.n, c);
		if (c <= 0)
			return false;
		if (c < 0x80 && is_direct((char)c)) {
			end_run(&e);
			buf_char(utf7, (char)c);
			if (c == '&')
				buf_char(utf7, '-');
		} else if (c > 0xffff) {
			put_unit(&e, U16_LEAD(c));
			put_unit(&e, U16_TRAIL(c));
		} else {
			put_unit(&e, (uint32_t)c);
		}
	}
	end_run(&e);
	return !utf7->overflow;
}
