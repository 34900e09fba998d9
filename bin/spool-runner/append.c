/* append: see append.h. */
#include "base/base.h"
#include "append.h"

#include <errno.h>

#include "base/die.h"
#include "base/limits.h"

#define CHUNK 49152		/* of lines in one request to a helper: fits LIMIT_RECORD with escapes */

static void send_lines(struct append *a);

static void
on_appended(void *ctx, const struct record *answer)
{
	struct append *a = ctx;
	uint64_t error;

	if (record_get_num(answer, "error", INT32_MAX, &error)) {
		a->done(a->ctx, (int)error);
		return;
	}
	if (!record_get_num(answer, "good", UINT64_MAX, a->good_size))
		bug("append was answered without good");
	buf_shift(a->lines, a->sending);
	if (a->lines->n > 0)
		send_lines(a);
	else
		a->done(a->ctx, 0);
}

/* As many whole lines as fit into one request. */
static void
send_lines(struct append *a)
{
	struct span all = buf_view(a->lines), part = span_first(all, CHUNK);
	static struct buf b;
	uint64_t job;

	if (b.max == 0)
		buf_init(&b, LIMIT_RECORD);
	a->sending = (size_t)(span_rfind(part, '\n') + 1);
	if (a->sending == 0)
		bug("a line of an envelope is too long");
	record_begin(&b, "append");
	job = deliverer_begin(a->helpers, on_appended, a);
	record_add_num(&b, "job", job);
	record_add_num(&b, "id", a->ref.id);
	record_add_num(&b, "sub", a->ref.sub);
	record_add_num(&b, "good", *a->good_size);
	record_add(&b, "lines", span_first(all, a->sending));
	deliverer_send(a->helpers, job, &b, -1);
}

void
append_begin(struct append *a)
{
	if (a->lines->overflow)
		a->done(a->ctx, EFBIG);
	else if (a->lines->n == 0)
		a->done(a->ctx, 0);
	else
		send_lines(a);
}
