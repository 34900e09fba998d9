/*
 * Questions to scan-check from a caller that was taken over: each is refused, or
 * answered once with one record that a caller can read.
 *
 * DNS is played here: it answers what the length of the name says.
 */
#include "base/base.h"

#include <string.h>

#include "base/limits.h"
#include "check/scan_result.h"
#include "fuzz.h"
#include "net/dns.h"
#include "scan.h"
#include "task.h"

static dns_cb *asked;
static void *asked_ctx;
static enum dns_outcome outcome;
static unsigned answers;

uint64_t
dns_query(struct dns *d, struct span name, enum dns_type type, dns_cb *cb, void *ctx)
{
	(void)d, (void)type;
	FUZZ_CHECK(name.n > 0 && name.n < DNS_NAME_MAX);
	for (size_t i = 0; i < name.n; i++)
		FUZZ_CHECK(name.p[i] > ' ' && name.p[i] <= '~');
	outcome = (enum dns_outcome)(name.n % 5);
	asked = cb;
	asked_ctx = ctx;
	return 1;
}

void
dns_cancel(struct dns *d, uint64_t id)
{
	(void)d, (void)id;
	asked = NULL;
}

static void
on_done(void *ctx, struct span fields)
{
	struct buf text;
	struct record r;

	(void)ctx;
	answers++;
	buf_init(&text, LIMIT_SCAN_RECORD);
	record_begin(&text, "spf");
	record_add_num(&text, "n", 1);
	buf_span(&text, fields);
	FUZZ_CHECK(!text.overflow && record_parse(buf_view(&text), 8, &r));
	FUZZ_CHECK(record_get(&r, "result").n > 0 && !span_is(record_get(&r, "result"), "unknown"));
	record_free(&r);
	buf_free(&text);
}

static void
answer(void)
{
	static const uint8_t bytes[] = { 4, 192, 0, 2, 1, 7, 'v', '=', 's', 'p', 'f', '1', ' ' };
	struct dns_record record = { bytes, sizeof(bytes) };
	struct dns_answer a = { .outcome = outcome, .records = &record, .count = outcome == DNS_OK, .ttl = 60, .why = "" };
	dns_cb *cb = asked;

	asked = NULL;
	cb(asked_ctx, &a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct scan s;
	struct record r;
	struct task *task;
	enum task_begun begun;

	if (s.loop == NULL)
		s.loop = loop_new();
	s.cache = cache_new(size);
	answers = 0;
	if (record_parse(span_make(data, size), LIMIT_SCAN_RANGES + 2, &r)) {
		begun = task_begin(&s, &r, on_done, NULL, &task);
		FUZZ_CHECK(answers == (begun == TASK_ANSWERED));
		FUZZ_CHECK((task != NULL) == (begun == TASK_STARTED));
		if (begun == TASK_STARTED && size % 7 == 0)
			task_cancel(&task);
		while (begun == TASK_STARTED && asked != NULL)
			answer();
		FUZZ_CHECK(begun != TASK_STARTED || answers == (size % 7 != 0));
		record_free(&r);
	}
	FUZZ_CHECK(s.tasks == 0);
	cache_free(&s.cache);
	return 0;
}
