/*
 * round_lines: what a round appends to its envelope, made durable by a helper.
 */
#include "base/base.h"
#include "round_lines.h"

#include "round.h"
#include "round_log.h"

static void
on_appended(void *ctx, int error)
{
	struct round *r = ctx;

	if (error != 0) {
		round_log_trouble(r, "append", error);
		round_put_off(r);
		return;
	}
	r->after_lines(r);
}

void
round_append_then(struct round *r, void (*next)(struct round *r))
{
	r->after_lines = next;
	r->append = (struct append){ .helpers = r->s->helpers, .ref = r->ref, .good_size = &r->good_size,
		.lines = &r->lines, .done = on_appended, .ctx = r };
	append_begin(&r->append);
}
