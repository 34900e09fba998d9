/* When the next attempt is made, and when a recipient is given up (QUEUE-05, QUEUE-07). */
#include "base/base.h"
#include "../../bin/spool-runner/retry.h"

#include "tap.h"

#define NOW 1000000

static const struct retry_rules usual = { .minutes = { 15, 30, 60, 90 }, .count = 4, .dns_attempts = 2 };

static void
schedule(void)
{
	int64_t next = 0;

	for (uint32_t i = 1; i <= 4; i++) {
		ok(retry_decide(&usual, i, 0, NOW, &next) == RETRY_LATER, "attempt %u of five is followed by another", i);
		is_num(next, NOW + (int64_t)usual.minutes[i - 1] * 60, "after the wait of the list");
	}
	ok(retry_decide(&usual, 5, 0, NOW, &next) == RETRY_GIVE_UP, "the fifth is the last");
	ok(retry_decide(&usual, UINT32_MAX, 0, NOW, &next) == RETRY_GIVE_UP, "a damaged count gives up too");
	ok(retry_decide(&usual, 0, 0, NOW, &next) == RETRY_LATER, "no attempt counts as the first");
}

static void
dns(void)
{
	struct retry_rules rules = usual;
	int64_t next;

	ok(retry_decide(&usual, 1, 1, NOW, &next) == RETRY_LATER, "one DNS failure is tried again");
	ok(retry_decide(&usual, 2, 2, NOW, &next) == RETRY_GIVE_UP, "two in a row are enough");
	rules.dns_attempts = 4;
	ok(retry_decide(&rules, 4, 4, NOW, &next) == RETRY_LATER, "a value that reaches the retries is off");
	rules.dns_attempts = 1;
	ok(retry_decide(&rules, 1, 1, NOW, &next) == RETRY_GIVE_UP, "1 gives up at once");
}

static void
until(void)
{
	struct retry_rules rules = usual;

	is_num(retry_until(&usual, 1, 0, NOW), NOW + (30 + 60 + 90) * 60, "after the next attempt three more waits");
	is_num(retry_until(&usual, 4, 0, NOW), NOW, "the next attempt may be the last");
	is_num(retry_until(&usual, 1, 1, NOW), NOW, "while DNS fails it ends sooner");
	rules.dns_attempts = 3;
	is_num(retry_until(&rules, 1, 1, NOW), NOW + 30 * 60, "by the number of those failures");
}

static void
counting(void)
{
	is_num(retry_dns_count(SPAN("451 4.4.3 DNS failure 3: SERVFAIL")), 3, "the count stands in the text");
	is_num(retry_dns_count(SPAN("451 4.4.1 no answer")), 0, "another failure begins anew");
	is_num(retry_dns_count(SPAN("451 4.4.3 DNS failure x: y")), 0, "no number, no count");
	is_num(retry_dns_count(SPAN("451 4.4.3 DNS failure 99999999: y")), 0, "an absurd number is none");
	is_num(retry_dns_count(SPAN("")), 0, "an empty text");
}

static void
final(void)
{
	struct verdict v = verdict_make(450, "4.1.2", "domain x does not exist"), out = retry_permanent(&v);

	ok(out.kind == VERDICT_PERM && out.code == 550, "a look-up given up is a permanent failure");
	is_text(out.status, "5.1.2", "of the same subject");
}

int
main(void)
{
	schedule();
	final();
	dns();
	until();
	counting();
	return done();
}
