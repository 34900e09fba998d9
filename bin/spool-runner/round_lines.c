/*
 * round_lines: what a round appends to its envelope, made durable by a helper.
 */
#include "base/base.h"
#include "round_lines.h"

#include <errno.h>

#include "base/die.h"
#include "base/limits.h"
#include "round.h"
#include "round_log.h"

#define CHUNK 49152		/* of lines in one request to a helper: fits LIMIT_RECORD with escapes */

static void send_lines(struct round *r);

static void
on_appended(void *ctx, const struct record *answer)
{
	struct round *r = ctx;
	uint64_t error;

	if (record_get_num(answer, "error", INT32_MAX, &error)) {
		round_log_trouble(r, "append", (int)error);
		round_put_off(r);
		return;
	}
	if (!record_get_num(answer, "good", UINT64_MAX, &r->good_size))
		bug("append was answered without good");
	buf_shift(&r->lines, r->sending);
	if (r->lines.n > 0)
		send_lines(r);
	else
		r->after_lines(r);
}

/* As many whole lines as fit into one request. */
static void
send_lines(struct round *r)
{
	struct span all = buf_view(&r->lines), part = span_first(all, CHUNK);
	static struct buf b;

	if (b.max == 0)
		buf_init(&b, LIMIT_RECORD);
	r->sending = (size_t)(span_rfind(part, '\n') + 1);
	if (r->sending == 0)
		bug("a line of an envelope is too long");
	record_begin(&b, "append");
	r->helper_job = deliverer_begin(r->s->helpers, on_appended, r);
	record_add_num(&b, "job", r->helper_job);
	record_add_num(&b, "id", r->ref.id);
	record_add_num(&b, "sub", r->ref.sub);
	record_add_num(&b, "good", r->good_size);
	record_add(&b, "lines", span_first(all, r->sending));
	deliverer_send(r->s->helpers, r->helper_job, &b, -1);
}

void
round_append_then(struct round *r, void (*next)(struct round *r))
{
	if (r->lines.overflow) {
		round_log_trouble(r, "append", EFBIG);
		round_put_off(r);
		return;
	}
	r->after_lines = next;
	if (r->lines.n == 0)
		next(r);
	else
		send_lines(r);
}
