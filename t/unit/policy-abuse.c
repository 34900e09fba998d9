/* What follows from what abuse-check counted: admission, rules (ABUSE-04, ABUSE-08, ABUSE-12), delays. */
#include "base/base.h"
#include "policy/abuse.h"
#include "tap.h"

static void
admission(void)
{
	struct policy_admission f = { .open = 3, .open_max = 3 };

	is_num(policy_admission(&f), POLICY_ADMITTED, "as many sessions at once as may be");
	f.open = 4;
	is_num(policy_admission(&f), POLICY_TOO_MANY, "one more");
	f.open_max = 0;
	is_num(policy_admission(&f), POLICY_ADMITTED, "no limit");
	f = (struct policy_admission){ .open = 4, .open_max = 3, .is_white = true, .is_blocked = true };
	is_num(policy_admission(&f), POLICY_ADMITTED, "the whitelist is never refused (ABUSE-15)");
	f.is_white = false;
	is_num(policy_admission(&f), POLICY_BLOCKED, "a block is told before a number");
}

static void
rules(void)
{
	struct policy_rule f = { "dos", .count = 299, .limit = 300 };
	struct buf why;

	buf_init(&why, 200);
	ok(!policy_rule_crossed(&f, &why), "one connection less than the rule says");
	is_num(why.n, 0, "leaves no line");
	f.count = 300;
	ok(policy_rule_crossed(&f, &why), "as many cross it");
	is_span(buf_view(&why), "dos 300 -100 -100\n", "with a line");
	f = (struct policy_rule){ "internalSpammer", .count = 50, .limit = 50, .must_exceed = true };
	ok(!policy_rule_crossed(&f, NULL), "fifty messages are not more than fifty");
	f.count = 51;
	ok(policy_rule_crossed(&f, NULL), "one more is");
	buf_free(&why);
}

static void
delays(void)
{
	static const uint32_t want[] = { 0, 0, 0, 2000, 4000, 8000, 15000, 15000, 15000 };
	struct policy_login f = { .of_address = 4, .of_account = 1 };
	size_t wrong = 0;

	for (uint32_t i = 0; i < PB_COUNT(want); i++)
		wrong += policy_failures_delay(i) != want[i];
	is_num(wrong, 0, "failed log-ins wait 0, 0, 2, 4, 8, then 15 seconds");
	is_num(policy_failures_delay(UINT32_MAX), 15000, "for ever");
	is_num(policy_login_delay(&f), 4000, "an address that fails often waits");
	f.of_account = 5;
	is_num(policy_login_delay(&f), 8000, "the longer of the two waits holds");
	f.is_white = true;
	f.of_account = 3;
	is_num(policy_login_delay(&f), 2000, "failures of a whitelisted address do not count, those at the account do");
	f.is_spared = true;
	is_num(policy_login_delay(&f), 0, "who logged in from there before does not wait");
}

int
main(void)
{
	admission();
	rules();
	delays();
	return done();
}
