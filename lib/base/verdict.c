/*
 * verdict: see verdict.h.
 *
 * Trust: text may quote other hosts; it is made printable here, once, so that
 * whoever prints a verdict need not.
 */
#include "base/base.h"
#include "base/verdict.h"
#include "base/buf.h"
#include "base/num.h"

enum verdict_kind
verdict_kind_of(int code)
{
	if (code >= 200 && code < 400)
		return VERDICT_OK;
	return code >= 500 && code < 600 ? VERDICT_PERM : VERDICT_TEMP;
}

struct verdict
verdict_make(int code, const char *status, const char *fmt, ...)
{
	struct verdict v = { .kind = verdict_kind_of(code), .code = code };
	char raw[VERDICT_TEXT_MAX];
	struct buf text;
	va_list ap;

	snprintf(v.status, sizeof(v.status), "%s", status);
	va_start(ap, fmt);
	vsnprintf(raw, sizeof(raw), fmt, ap);
	va_end(ap);
	buf_init_fixed(&text, v.text, sizeof(v.text));
	buf_escaped(&text, span_of(raw));
	return v;
}

int
verdict_print(const struct verdict *v, char *out, size_t size)
{
	return snprintf(out, size, "%d %s %s", v->code, v->status, v->text);
}

bool
verdict_status_is_valid(struct span s)
{
	uint32_t part[3] = { 0, 0, 0 };

	for (int i = 0; i < 3; i++) {
		struct span word = span_cut(&s, '.');

		if (word.n > (i == 0 ? 1 : 3) || !num_parse_u32(word, 999, &part[i]))
			return false;
	}
	return s.p == NULL && (part[0] == 2 || part[0] == 4 || part[0] == 5);
}

bool
verdict_parse(struct span s, struct verdict *out)
{
	struct span code = span_word(&s);
	struct span status = span_word(&s);
	struct buf text;

	*out = (struct verdict){ 0 };
	if (code.n != 3 || !num_parse_int(code, 599, &out->code) || out->code < 200)
		return false;
	if (!verdict_status_is_valid(status) || status.n >= sizeof(out->status))
		return false;
	memcpy(out->status, status.p, status.n);
	out->kind = verdict_kind_of(out->code);
	buf_init_fixed(&text, out->text, sizeof(out->text));
	s = span_trim(s);
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || (unsigned char)s.p[i] > 0x7e)
			return false;
	buf_span(&text, span_first(s, VERDICT_TEXT_MAX - 1));
	return true;
}
