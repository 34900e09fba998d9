/* Selectors: any text is taken or refused with a reason, and "!" turns every answer round. */
#include "base/base.h"
#include "base/buf.h"
#include "policy/selector.h"
#include "fuzz.h"

static const struct selector_field fields[] = {
	{ "sender", SELECTOR_TEXT }, { "age", SELECTOR_AGE }, { "size", SELECTOR_SIZE }, { "attempts", SELECTOR_NUMBER },
};

static bool
get(const void *what, size_t field, size_t i, struct selector_value *out)
{
	if (i >= field)
		return false;
	out->text = *(const struct span *)what;
	out->number = out->text.n * field;
	return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char error[SELECTOR_ERROR_MAX];
	struct span text = span_make(data, size);
	struct selector *s = selector_parse(text, fields, PB_COUNT(fields), error), *opposite;
	struct buf b;

	FUZZ_CHECK((s == NULL) == (error[0] != '\0'));
	if (s == NULL)
		return 0;
	buf_init(&b, 65536);
	buf_text_put(&b, "!(");
	buf_put(&b, text.p, text.n);
	buf_text_put(&b, ")");
	opposite = selector_parse(buf_view(&b), fields, PB_COUNT(fields), error);
	if (opposite != NULL)
		FUZZ_CHECK(selector_matches(s, get, &text) != selector_matches(opposite, get, &text));
	selector_free(&opposite);
	selector_free(&s);
	buf_free(&b);
	return 0;
}
