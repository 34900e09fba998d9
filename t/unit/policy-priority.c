/* Which of the rules for priorities holds (PRIO-01 to PRIO-10, PRIO-12): PRIO-02 PRIO-03 PRIO-04 PRIO-05 PRIO-06 PRIO-07 PRIO-08 PRIO-09. */
#include "base/base.h"

#include "policy/priority.h"
#include "tap.h"

static struct policy_priority_rules rules = { .kind = { [POLICY_PERSON] = 6, [POLICY_LIST] = 1, [POLICY_REPORT] = 4 },
	.over_size = 2, .over_size_bytes = 2 << 20, .second = 8, .third = 9 };

static uint32_t
priority(enum policy_kind kind, uint64_t size, uint32_t attempts, uint32_t wish, uint32_t by_hand)
{
	struct policy_priority f = { .rules = &rules, .kind = kind, .size = size, .attempts = attempts, .wish = wish,
		.by_hand = by_hand };

	return policy_priority(&f);
}

int
main(void)
{
	struct policy_priority nobody = { .size = 100 << 20, .attempts = 3, .wish = 5 };

	is_num(policy_priority(&nobody), 5, "without rules it is 5");
	nobody.wish = 7;
	is_num(policy_priority(&nobody), 7, "or what the sender wants");
	is_num(priority(POLICY_PERSON, 100, 0, 5, 0), 6, "standard");
	is_num(priority(POLICY_LIST, 100, 0, 5, 0), 1, "the kind of message before standard");
	is_num(priority(POLICY_EVENT, 100, 0, 5, 0), 6, "a kind without a rule is standard");
	is_num(priority(POLICY_LIST, 100, 0, 3, 0), 3, "the sender's wish before the kind");
	is_num(priority(POLICY_LIST, 2 << 20, 0, 5, 0), 1, "at the threshold it is not over-size");
	is_num(priority(POLICY_LIST, (2 << 20) + 1, 0, 3, 0), 2, "over it it is, before kind and wish");
	is_num(priority(POLICY_LIST, 100 << 20, 1, 3, 0), 8, "a failed attempt before size");
	is_num(priority(POLICY_LIST, 100 << 20, 2, 3, 0), 9, "two failed attempts");
	is_num(priority(POLICY_LIST, 100 << 20, 20, 3, 0), 9, "or more");
	is_num(priority(POLICY_LIST, 100 << 20, 20, 3, 1), 1, "by hand before all");
	rules.third = 0;
	is_num(priority(POLICY_PERSON, 100, 2, 5, 0), 8, "without a rule for the third that for the second holds on");
	rules.second = 0;
	is_num(priority(POLICY_PERSON, 100, 2, 5, 0), 6, "without either attempts change nothing");
	return done();
}
