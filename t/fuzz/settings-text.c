/* A program's own settings, which an unprivileged process wrote: refused whole, or taken; a canonical value stays. */
#include "base/base.h"
#include "base/limits.h"
#include "config/settings_parse.h"
#include "fuzz.h"

static void
check_value(enum setting_scope scope, struct span line)
{
	struct span value = line, name;
	const struct setting *s;
	struct buf out, again, why;

	(void)span_cut(&value, '=');
	name = span_cut(&value, ' ');
	s = setting_find(scope, name);
	if (s == NULL || value.p == NULL || span_find(value, '\0') >= 0)	/* no record has NUL */
		return;
	buf_init(&out, LIMIT_SETTING_VALUE);
	buf_init(&again, LIMIT_SETTING_VALUE);
	buf_init(&why, LIMIT_SETTING_VALUE);
	if (setting_check(s, value, &out, &why)) {
		FUZZ_CHECK(span_find(buf_view(&out), '\n') < 0 && span_find(buf_view(&out), '\0') < 0);
		FUZZ_CHECK(setting_check(s, buf_view(&out), &again, &why));
		FUZZ_CHECK(span_eq(buf_view(&out), buf_view(&again)));
	}
	buf_free(&out);
	buf_free(&again);
	buf_free(&why);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (int scope = 0; scope < SCOPE_COUNT; scope++) {
		struct span rest = span_make(data, size);
		struct settings *s = settings_parse_scope((enum setting_scope)scope, rest);

		settings_free(&s);
		while (rest.p != NULL)
			check_value((enum setting_scope)scope, span_cut(&rest, '\n'));
	}
	return 0;
}
