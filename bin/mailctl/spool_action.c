/* spool_action: see spool_action.h. */
#include "base/base.h"
#include "spool_action.h"
#include <unistd.h>
#include "base/die.h"
#include "base/limits.h"
#include "base/record.h"
#include "output.h"

#define BUSY_TRIES 600
#define BUSY_WAIT_US 100000

static void
begin_request(struct spool_action *a)
{
	record_begin(&a->request, a->verb);
	for (size_t i = 0; i < SPOOL_ACTION_FIELDS; i++)
		if (a->field[i].value != NULL)
			record_add_text(&a->request, a->field[i].key, a->field[i].value);
	a->pending = 0;
}

void
spool_action_begin(struct spool_action *a)
{
	buf_init(&a->request, LIMIT_RECORD);
	begin_request(a);
}

/* While the scheduler has too much to do of the kind it is asked again. */
static int
ask(const struct spool_action *a, struct record *reply)
{
	int code;

	for (int i = 0; i < BUSY_TRIES; i++) {
		code = ctl_call(a->c, "run/pub/schedule", &a->request, false, reply);
		if (code != EXIT_DONE || !span_is(reply->verb, "busy"))
			return code;
		record_free(reply);
		usleep(BUSY_WAIT_US);
	}
	return ctl_fail(EXIT_TRY_LATER, "the scheduler is busy with earlier changes; %llu are done",
		(unsigned long long)a->done);
}

static int
flush(struct spool_action *a)
{
	struct record reply;
	uint64_t n = 0;
	int code;

	if (a->pending == 0)
		return EXIT_DONE;
	code = ask(a, &reply);
	begin_request(a);
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
spool_action_finish(struct spool_action *a, int code)
{
	if (code == EXIT_DONE)
		code = flush(a);
	buf_free(&a->request);
	return code == EXIT_DONE && a->missing > 0 ? EXIT_NO_OBJECT : code;
}

int
spool_action_end(struct spool_action *a, int code)
{
	code = spool_action_finish(a, code);
	if (code == EXIT_DONE || a->missing > 0)
		output_done(a->c, a->done);
	return code;
}
