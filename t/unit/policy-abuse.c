/* What follows from what abuse-check counted: admission, rules (ABUSE-04, ABUSE-08, ABUSE-12), delays. */
#include "base/base.h"
#include "policy/abuse.h"
#include "policy/sum.h"
#include "tap.h"

static struct buf why;

/* What `why` holds, which begins anew. */
static const char *
said(void)
{
	static char text[200];

	snprintf(text, sizeof(text), "%s", buf_text(&why));
	buf_clear(&why);
	return text;
}

static void
admission(void)
{
	struct policy_admission f = { .open = 3, .open_max = 3 };

	is_num(policy_admission(&f, &why), POLICY_ADMITTED, "as many sessions at once as may be");
	is_text(said(), "", "leave no line");
	f.open = 4;
	is_num(policy_admission(&f, &why), POLICY_TOO_MANY, "one more");
	is_text(said(), "sessions 4 -100 -100\n", "does");
	f.open_max = 0;
	is_num(policy_admission(&f, &why), POLICY_ADMITTED, "no limit");
	f = (struct policy_admission){ .open = 4, .open_max = 3, .is_white = true, .is_blocked = true };
	is_num(policy_admission(&f, &why), POLICY_ADMITTED, "the whitelist is never refused (ABUSE-15)");
	is_text(said(), "", "and nothing is held against it");
	f.is_white = false;
	is_num(policy_admission(&f, &why), POLICY_BLOCKED, "a block is told before a number");
	is_text(said(), "blocked yes -100 -100\n", "with its line");
	is_num(policy_admission(&f, NULL), POLICY_BLOCKED, "or without");
}

static void
rules(void)
{
	struct policy_rule f = { "dos", .count = 299, .limit = 300 };

	ok(!policy_rule_crossed(&f, &why), "one connection less than the rule says");
	is_text(said(), "", "leaves no line");
	f.count = 300;
	ok(policy_rule_crossed(&f, &why), "as many cross it");
	is_text(said(), "dos 300 -100 -100\n", "with a line");
	f = (struct policy_rule){ "internalSpammer", .count = 50, .limit = 50, .must_exceed = true };
	ok(!policy_rule_crossed(&f, NULL), "fifty messages are not more than fifty");
	f.count = 51;
	ok(policy_rule_crossed(&f, NULL), "one more is");
}

static void
faults(void)
{
	struct policy_rule f = { "badSessions", .count = 1, .limit = 3, .is_fault = true };

	ok(!policy_rule_crossed(&f, &why), "a first fault");
	is_text(said(), "badSessions 1 -33 -33\n", "has its share");
	f.count = 2;
	ok(!policy_rule_crossed(&f, &why), "and a second");
	is_text(said(), "badSessions 2 -33 -66\n", "too");
	f.count = 3;
	ok(policy_rule_crossed(&f, &why), "the last one crosses the rule");
	is_text(said(), "badSessions 3 -34 -100\n", "with what is left");
	f.limit = 1;
	ok(policy_rule_crossed(&f, &why), "more than enough");
	is_text(said(), "badSessions 3 0 -100\n", "weigh no more");
	f = (struct policy_rule){ "loginFailures", .count = UINT32_MAX - 1, .limit = UINT32_MAX, .is_fault = true };
	ok(!policy_rule_crossed(&f, &why), "the largest numbers");
	is_text(said(), "loginFailures 4294967294 0 -99\n", "are counted as well");
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
	is_num(policy_login_delay(&f, &why), 4000, "an address that fails often waits");
	is_text(said(), "address-failures 4 -4000 -4000\naccount-failures 1 0 -4000\n", "and the lines say why");
	f.of_account = 5;
	is_num(policy_login_delay(&f, &why), 8000, "the longer of the two waits holds");
	is_text(said(), "address-failures 4 -4000 -4000\naccount-failures 5 -4000 -8000\n", "which adds what it is longer");
	f.is_white = true;
	f.of_account = 3;
	is_num(policy_login_delay(&f, &why), 2000, "failures of a whitelisted address do not count, those at the account do");
	is_text(said(), "address-failures 4 0 0\naccount-failures 3 -2000 -2000\n", "as their weights tell");
	f.is_spared = true;
	is_num(policy_login_delay(&f, &why), 0, "who logged in from there before does not wait");
	is_text(said(), "address-failures 4 0 0\naccount-failures 3 -2000 -2000\nknown-pair yes 2000 0\n", "whatever was counted");
	is_num(policy_login_delay(&f, NULL), 0, "without lines too");
}

static void
lines_for_a_log(void)
{
	struct span rest = SPAN("blocked yes -100 -100\nwhitelist a\\x20b 100 0\n");
	struct buf out;

	buf_init(&out, 200);
	ok(policy_sum_print(&rest, &out), "a line");
	is_text(buf_text(&out), "name=blocked value=yes weight=-100 total=-100", "as a log has it");
	buf_clear(&out);
	ok(policy_sum_print(&rest, &out), "the next");
	is_text(buf_text(&out), "name=whitelist value=a\\x20b weight=100 total=0", "with its value as it stands");
	ok(!policy_sum_print(&rest, &out), "and no more");
	buf_free(&out);
}

int
main(void)
{
	buf_init(&why, 200);
	admission();
	rules();
	faults();
	delays();
	lines_for_a_log();
	buf_free(&why);
	return done();
}
