/*
 * socketmap: netstrings with a question or an answer inside.
 *
 * Trust: both ends treat the bytes as hostile.  A length has at most seven
 * digits and no leading zero, so it never overflows and has one spelling.
 */
#include "base/base.h"
#include "directory/socketmap.h"

#include "base/num.h"

#define LENGTH_DIGITS 7

void
socketmap_put(struct buf *out, struct span payload)
{
	buf_printf(out, "%zu:", payload.n);
	buf_span(out, payload);
	buf_char(out, ',');
}

void
socketmap_put_question(struct buf *out, const char *map, struct span key)
{
	buf_printf(out, "%zu:%s ", strlen(map) + 1 + key.n, map);
	buf_span(out, key);
	buf_char(out, ',');
}

int
socketmap_take(struct span in, size_t max, struct span *payload, size_t *used)
{
	ssize_t colon = span_find(span_first(in, LENGTH_DIGITS + 1), ':');
	uint64_t n;

	if (colon < 0) {
		for (size_t i = 0; i < in.n; i++)
			if (i == LENGTH_DIGITS || !char_is_digit(in.p[i]))
				return -1;
		return 0;
	}
	if (!num_parse(span_first(in, (size_t)colon), max, &n) || (in.p[0] == '0' && colon > 1))
		return -1;
	size_t whole = (size_t)colon + 1 + (size_t)n + 1;
	if (in.n < whole)
		return 0;
	if (in.p[whole - 1] != ',')
		return -1;
	*payload = span_first(span_from(in, (size_t)colon + 1), (size_t)n);
	*used = whole;
	return 1;
}

bool
socketmap_question(struct span payload, struct span *map, struct span *key)
{
	ssize_t blank = span_find(payload, ' ');

	if (blank <= 0)
		return false;
	*map = span_first(payload, (size_t)blank);
	*key = span_from(payload, (size_t)blank + 1);
	return true;
}

enum socketmap_kind
socketmap_answer(struct span payload, struct span *data)
{
	struct span rest = payload;
	struct span word = span_cut(&rest, ' ');

	*data = rest.p != NULL ? rest : span_make("", 0);
	if (span_is(word, "OK"))
		return SOCKETMAP_OK;
	if (span_is(word, "NOTFOUND"))
		return SOCKETMAP_NOTFOUND;
	if (span_is(word, "TEMP") || span_is(word, "TIMEOUT"))
		return SOCKETMAP_TEMP;
	if (span_is(word, "PERM"))
		return SOCKETMAP_PERM;
	return SOCKETMAP_BAD;
}
