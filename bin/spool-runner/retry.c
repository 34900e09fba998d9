/*
 * retry: the arithmetic of attempts.
 */
#include "base/base.h"
#include "retry.h"

#include "base/num.h"

enum retry_step
retry_decide(const struct retry_rules *rules, uint32_t attempts, uint32_t dns, int64_t now,
	int64_t *next)
{
	if (attempts == 0)
		attempts = 1;
	if (attempts > rules->count)
		return RETRY_GIVE_UP;
	/* QUEUE-07: a value that the schedule reaches by itself means "off". */
	if (rules->dns_attempts < rules->count && dns >= rules->dns_attempts)
		return RETRY_GIVE_UP;
	*next = now + (int64_t)rules->minutes[attempts - 1] * 60;
	return RETRY_LATER;
}

int64_t
retry_until(const struct retry_rules *rules, uint32_t attempts, uint32_t dns, int64_t next)
{
	/* As long as every further one fails in the same way. */
	for (;;) {
		int64_t after;

		attempts++;
		if (retry_decide(rules, attempts, dns > 0 ? ++dns : 0, next, &after) == RETRY_GIVE_UP)
			return next;
		next = after;
	}
}

uint32_t
retry_dns_count(struct span outcome)
{
	uint32_t n;

	span_word(&outcome);
	span_word(&outcome);
	if (!span_is(span_word(&outcome), "DNS") || !span_is(span_word(&outcome), "failure"))
		return 0;
	outcome = span_word(&outcome);
	if (outcome.n < 2 || outcome.p[outcome.n - 1] != ':')
		return 0;
	return num_parse_u32(span_first(outcome, outcome.n - 1), RETRY_WAITS_MAX + 1, &n) ? n : 0;
}

struct verdict
retry_permanent(const struct verdict *v)
{
	struct verdict out = verdict_make(550, v->status, "%s", v->text);

	out.status[0] = '5';
	return out;
}
