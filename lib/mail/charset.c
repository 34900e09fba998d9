/*
 * Character sets by ICU.
 *
 * Trust: bytes and charset names are hostile.  Names are cut to a short
 * ASCII text before ICU sees them; conversion runs through fixed buffers, so
 * memory does not grow with the input; output is bounded by the buf.
 */
#include "base/base.h"
#include "base/base64.h"
#include "base/limits.h"
#include "mail/charset.h"

#include <unicode/ucnv.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>
#include <unicode/utf8.h>

#define REPLACEMENT "\xef\xbf\xbd"
#define PIVOT 1024

/* NULL when ICU does not know the name; closed by the caller. */
static UConverter *
open_charset(struct span charset)
{
	char name[LIMIT_CHARSET_NAME + 1];
	UErrorCode err = U_ZERO_ERROR;
	UConverter *c;

	charset = span_trim(charset);
	if (charset.n == 0 || charset.n > LIMIT_CHARSET_NAME)
		return NULL;
	for (size_t i = 0; i < charset.n; i++) {
		if (!char_is_alnum(charset.p[i]) && strchr("-_.:+()", charset.p[i]) == NULL)
			return NULL;
		name[i] = charset.p[i];
	}
	name[charset.n] = '\0';
	c = ucnv_open(name, &err);
	return U_SUCCESS(err) ? c : NULL;
}

bool
charset_is_known(struct span charset)
{
	UConverter *c = open_charset(charset);

	if (c != NULL)
		ucnv_close(c);
	return c != NULL;
}

static void
put_ascii(struct span text, struct buf *out)
{
	for (size_t i = 0; i < text.n; i++) {
		if ((unsigned char)text.p[i] < 0x80)
			buf_char(out, text.p[i]);
		else
			buf_text_put(out, REPLACEMENT);
	}
}

static bool
is_ascii(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= 0x80)
			return false;
	return true;
}

static bool
is_ascii_superset(struct span charset)
{
	return span_is_nocase(charset, "us-ascii") || span_is_nocase(charset, "utf-8") ||
		span_starts_nocase(charset, SPAN("iso-8859-")) || span_starts_nocase(charset, SPAN("windows-125"));
}

static void
convert(UConverter *from, struct span text, struct buf *out)
{
	UErrorCode err = U_ZERO_ERROR;
	UConverter *to = ucnv_open("UTF-8", &err);
	UChar pivot[PIVOT];
	UChar *pivot_from = pivot, *pivot_to = pivot;
	const char *source = text.p;
	bool reset = true;

	if (U_FAILURE(err)) {
		put_ascii(text, out);
		return;
	}
	do {
		char piece[PIVOT];
		char *target = piece;

		err = U_ZERO_ERROR;
		ucnv_convertEx(to, from, &target, piece + sizeof(piece), &source, text.p + text.n,
			pivot, &pivot_from, &pivot_to, pivot + PIVOT, reset, true, &err);
		reset = false;
		buf_put(out, piece, (size_t)(target - piece));
	} while (err == U_BUFFER_OVERFLOW_ERROR && !out->overflow);
	ucnv_close(to);
}

bool
charset_decode(struct span text, struct span charset, struct buf *out)
{
	UConverter *from;

	if (text.n == 0)
		return true;
	if (is_ascii_superset(charset) && is_ascii(text))
		return buf_span(out, text);
	from = open_charset(charset);
	if (from == NULL) {
		put_ascii(text, out);
		return false;
	}
	convert(from, text, out);
	ucnv_close(from);
	return true;
}

bool
charset_is_utf8(struct span text)
{
	int64_t i = 0, n = (int64_t)text.n;

	if (n > INT32_MAX)
		return false;
	while (i < n) {
		UChar32 c;
		int32_t at = (int32_t)i;

		U8_NEXT(text.p, at, (int32_t)n, c);
		if (c < 0)
			return false;
		i = at;
	}
	return true;
}

/* At most n bytes that end between two characters, if that can be found near the end. */
static size_t
whole_characters(struct span s, size_t n)
{
	size_t cut = n;

	if (n >= s.n)
		return s.n;
	while (cut > 0 && n - cut < 4 && ((unsigned char)s.p[cut] & 0xc0) == 0x80)
		cut--;
	return cut > 0 && ((unsigned char)s.p[cut] & 0xc0) != 0x80 ? cut : n;
}

static void
fold_piece(const UNormalizer2 *fold, struct span s, struct buf *out)
{
	UChar wide[PIVOT], folded[PIVOT * 6];
	char narrow[PIVOT * 18];
	UErrorCode err = U_ZERO_ERROR;
	int32_t n = 0;

	u_strFromUTF8WithSub(wide, PIVOT, &n, s.p, (int32_t)s.n, 0xfffd, NULL, &err);
	if (U_SUCCESS(err))
		n = unorm2_normalize(fold, wide, n, folded, PB_COUNT(folded), &err);
	if (U_SUCCESS(err))
		u_strToUTF8(narrow, sizeof(narrow), &n, folded, n, &err);
	if (U_SUCCESS(err))
		buf_put(out, narrow, (size_t)n);
	else
		buf_span(out, s);	/* a text that grows beyond measure is compared as it stands */
}

void
charset_fold(struct span utf8, struct buf *out)
{
	UErrorCode err = U_ZERO_ERROR;
	const UNormalizer2 *fold = unorm2_getNFKCCasefoldInstance(&err);

	while (utf8.n > 0) {
		size_t n = whole_characters(utf8, PIVOT / 2);
		struct span piece = span_first(utf8, n);

		if (is_ascii(piece)) {
			char *at = buf_reserve(out, n);

			for (size_t i = 0; at != NULL && i < n; i++)
				at[i] = char_lower(piece.p[i]);
			if (at != NULL)
				buf_commit(out, n);
		} else if (U_SUCCESS(err)) {
			fold_piece(fold, piece, out);
		} else {
			buf_span(out, piece);
		}
		utf8 = span_from(utf8, n);
	}
}

void
charset_base64(struct span text, struct buf *out)
{
	uint32_t bits = 0;
	unsigned have = 0;

	for (size_t i = 0; i < text.n; i++) {
		int v = base64_value(text.p[i]);

		if (text.p[i] == '=') {
			have = 0;	/* padding ends a group; another may follow */
			continue;
		}
		if (v < 0)
			continue;
		bits = bits << 6 | (uint32_t)v;
		have += 6;
		if (have >= 8) {
			have -= 8;
			buf_char(out, (char)(bits >> have));
		}
	}
}

/* Length of a soft line break at s ("=" blanks line-end), 0 when it is none. */
static size_t
soft_break(struct span s)
{
	size_t i = 1;

	while (i < s.n && (s.p[i] == ' ' || s.p[i] == '\t'))
		i++;
	if (i < s.n && s.p[i] == '\r')
		i++;
	return i < s.n && s.p[i] == '\n' ? i + 1 : 0;
}

void
charset_quoted_printable(struct span text, bool header, struct buf *out)
{
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		struct span rest = span_from(text, i);
		size_t skip = c == '=' && !header ? soft_break(rest) : 0;
		int high = c == '=' && rest.n > 2 ? char_hex(rest.p[1]) : -1;
		int low = high >= 0 ? char_hex(rest.p[2]) : -1;

		if (skip > 0) {
			i += skip - 1;
		} else if (low >= 0) {
			buf_char(out, (char)(high << 4 | low));
			i += 2;
		} else {
			buf_char(out, header && c == '_' ? ' ' : c);
		}
	}
}

/* An encoded word "=?charset*lang?B?text?=" at the start of a text. */
struct encoded_word {
	struct span charset;
	char encoding;
	struct span text;
	size_t n;		/* of the whole */
};

static bool
encoded_word_at(struct span s, struct encoded_word *w)
{
	struct span rest, encoding;
	ssize_t end, star;

	if (!span_starts(s, SPAN("=?")))
		return false;
	rest = span_first(span_from(s, 2), LIMIT_ENCODED_WORD);
	w->charset = span_cut(&rest, '?');
	if (rest.p == NULL)
		return false;
	encoding = span_cut(&rest, '?');
	if (rest.p == NULL || encoding.n != 1 || strchr("bBqQ", encoding.p[0]) == NULL)
		return false;
	end = span_search(rest, SPAN("?="));
	if (end < 0)
		return false;
	star = span_find(w->charset, '*');
	if (star >= 0)
		w->charset = span_first(w->charset, (size_t)star);	/* RFC 2231 5 */
	w->encoding = char_lower(encoding.p[0]);
	w->text = span_first(rest, (size_t)end);
	w->n = (size_t)(w->text.p + w->text.n + 2 - s.p);
	return true;
}

static size_t
blanks_at(struct span s)
{
	size_t n = 0;

	while (n < s.n && (s.p[n] == ' ' || s.p[n] == '\t' || s.p[n] == '\r' || s.p[n] == '\n'))
		n++;
	return n;
}

/*
 * Decode a run of adjacent encoded words of one charset together: some writers
 * cut them in the middle of a character.  Returns the length taken.
 */
static size_t
decode_run(struct span s, struct encoded_word first, struct buf *out)
{
	struct encoded_word w = first;
	struct buf bytes;
	size_t taken = 0, gap = 0;

	buf_init(&bytes, LIMIT_HEADER_BYTES);
	do {
		if (w.encoding == 'b')
			charset_base64(w.text, &bytes);
		else
			charset_quoted_printable(w.text, true, &bytes);
		taken += gap + w.n;
		gap = blanks_at(span_from(s, taken));
	} while (encoded_word_at(span_from(s, taken + gap), &w) && span_eq_nocase(w.charset, first.charset));
	charset_decode(buf_view(&bytes), first.charset, out);
	buf_free(&bytes);
	return taken;
}

void
charset_decode_header(struct span value, struct buf *out)
{
	struct span rest = span_trim(value);
	struct encoded_word w;

	while (rest.n > 0) {
		size_t gap;

		if (rest.p[0] == '\r' || rest.p[0] == '\n') {
			rest = span_from(rest, 1);
		} else if (rest.p[0] == '=' && encoded_word_at(rest, &w)) {
			rest = span_from(rest, decode_run(rest, w, out));
			gap = blanks_at(rest);
			if (gap > 0 && encoded_word_at(span_from(rest, gap), &w))
				rest = span_from(rest, gap);
		} else {
			buf_char(out, rest.p[0]);
			rest = span_from(rest, 1);
		}
	}
}

void
charset_warm_up(void)
{
	static const char *const names[] = { "iso-8859-1", "iso-8859-15", "windows-1252", "utf-8",
		"gb18030", "big5", "iso-2022-jp", "shift_jis", "euc-kr", "koi8-r", "utf-7" };
	struct buf text, folded;

	buf_init(&text, 256);
	buf_init(&folded, 1024);
	for (size_t i = 0; i < PB_COUNT(names); i++) {
		buf_clear(&text);
		charset_decode(SPAN("a\xe4\xb8\xad"), span_of(names[i]), &text);
		charset_fold(buf_view(&text), &folded);
	}
	buf_free(&text);
	buf_free(&folded);
}
