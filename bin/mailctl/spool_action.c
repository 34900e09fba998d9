/* spool_action: see spool_action.h. */
#include "base/base.h"
#include "spool_action.h"
#include "base/die.h"
#include "base/limits.h"
#include "base/record.h"
#include "output.h"

void
spool_action_begin(struct spool_action *a)
{
	buf_init(&a->request, LIMIT_RECORD);
	record_begin(&a->request, a->verb);
}

static int
flush(struct spool_action *a)
{
	struct record reply;
	uint64_t n = 0;
	int code;

	if (a->pending == 0)
		return EXIT_DONE;
	code = ctl_call(a->c, "run/pub/schedule", &a->request, false, &reply);
	a->pending = 0;
	record_begin(&a->request, a->verb);
	if (code != EXIT_DONE)
		return code;
	if (record_get_num(&reply, "count", UINT64_MAX, &n))
		a->done += n;
	for (size_t i = 0; record_get_nth(&reply, "missing", i).p != NULL; i++, a->missing++)
		ctl_fail(1, "%s%.*s%s", a->before, SPAN_ARG(record_get_nth(&reply, "missing", i)), a->after);
	record_free(&reply);
	return EXIT_DONE;
}

int
spool_action_add(struct spool_action *a, const char *key, const char *value)
{
	record_add_text(&a->request, key, value);
	return ++a->pending == a->at_once ? flush(a) : EXIT_DONE;
}

int
spool_action_end(struct spool_action *a, int code)
{
	if (code == EXIT_DONE)
		code = flush(a);
	buf_free(&a->request);
	if (code == EXIT_DONE)
		output_done(a->c, a->done);
	return code == EXIT_DONE && a->missing > 0 ? EXIT_NO_OBJECT : code;
}
