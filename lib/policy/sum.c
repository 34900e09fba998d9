/* sum: see sum.h. */
#include "base/base.h"
#include "policy/sum.h"

void
policy_sum_add(struct policy_sum *s, const char *name, struct span value, int weight)
{
	s->total += weight;
	if (s->why == NULL)
		return;
	buf_printf(s->why, "%s ", name);
	if (value.n == 0)
		buf_char(s->why, '-');
	while (value.p != NULL && value.n > 0) {
		buf_escaped(s->why, span_cut(&value, ' '));
		if (value.p != NULL)
			buf_text_put(s->why, "\\x20");
	}
	buf_printf(s->why, " %d %d\n", weight, s->total);
}

void
policy_sum_add_num(struct policy_sum *s, const char *name, uint64_t value, int weight)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	policy_sum_add(s, name, span_of(text), weight);
}

bool
policy_sum_print(struct span *why, struct buf *out)
{
	static const char *const keys[] = { "name", " value", " weight", " total" };
	struct span line = span_cut(why, '\n');

	if (line.n == 0)
		return false;
	for (size_t i = 0; i < PB_COUNT(keys); i++) {
		struct span word = span_word(&line);

		buf_printf(out, "%s=%.*s", keys[i], SPAN_ARG(word));
	}
	return true;
}
