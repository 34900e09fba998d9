/* Settings files as people wrote them: what is read is written so that it reads the same; no program's settings fail. */
#include "base/base.h"
#include "base/limits.h"
#include "config/bypass.h"
#include "config/compile.h"
#include "config/xml.h"
#include "fuzz.h"

static void
check_names(const struct xml_node *from, unsigned depth)
{
	struct xml_node *n = NULL;

	FUZZ_CHECK(depth <= LIMIT_XML_DEPTH);
	while ((n = xml_child(from, SPAN_NONE, n)) != NULL) {
		struct buf text;

		buf_init(&text, LIMIT_XML);
		FUZZ_CHECK(xml_name(n)[0] != '\0' && xml_line(n) >= 0 && xml_enabled(n) >= -2);
		FUZZ_CHECK(xml_text(n, &text));
		buf_free(&text);
		check_names(n, depth + 1);
	}
}

static void
check_writing(const struct xml *x)
{
	struct xml_error err;
	struct buf once, twice;
	struct xml *again;

	buf_init(&once, 4 * LIMIT_XML);
	buf_init(&twice, 4 * LIMIT_XML);
	FUZZ_CHECK(xml_write(x, &once));
	again = xml_parse(buf_view(&once), &err);
	FUZZ_CHECK(again != NULL && xml_write(again, &twice));
	FUZZ_CHECK(span_eq(buf_view(&once), buf_view(&twice)));
	xml_free(&again);
	buf_free(&once);
	buf_free(&twice);
}

/* What is taken from a list of addresses is what greylist-check can read. */
static void
check_bypass(const struct xml *x)
{
	struct settings *s;
	struct buf text, errors;

	buf_init(&text, 1 << 24);
	buf_init(&errors, 1 << 20);
	buf_text_put(&text, "settings\nlist=greylisting/bypass\n");
	if (bypass_take(x, "x", &text, &errors)) {
		s = settings_parse(buf_view(&text));
		FUZZ_CHECK(s != NULL);
		settings_free(&s);
	} else {
		FUZZ_CHECK(errors.n > 0 || errors.overflow);
	}
	buf_free(&text);
	buf_free(&errors);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct xml_error err;
	struct xml *x = xml_parse(span_make(data, size), &err);

	if (x == NULL) {
		FUZZ_CHECK(err.text[0] != '\0' && strchr(err.text, '\n') == NULL);
		return 0;
	}
	check_names(xml_root(x), 1);
	check_writing(x);
	check_bypass(x);
	for (int scope = 0; scope < SCOPE_COUNT; scope++) {
		struct settings *s = compile_settings(x, (enum setting_scope)scope);

		settings_free(&s);
	}
	xml_free(&x);
	return 0;
}
