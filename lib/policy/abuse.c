/* abuse: see abuse.h. */
#include "base/base.h"
#include "policy/abuse.h"
#include "policy/sum.h"

enum policy_admitted
policy_admission(const struct policy_admission *f, struct buf *why)
{
	struct policy_sum s = { why, 0 };

	if (f->is_white)
		return POLICY_ADMITTED;
	if (f->is_blocked) {
		policy_sum_add(&s, "blocked", SPAN("yes"), POLICY_AGAINST);
		return POLICY_BLOCKED;
	}
	if (f->open_max == 0 || f->open <= f->open_max)
		return POLICY_ADMITTED;
	policy_sum_add_num(&s, "sessions", f->open, POLICY_AGAINST);
	return POLICY_TOO_MANY;
}

/* What so many faults weigh together: none nothing, as many as cross the rule all. */
static int
weight_of(uint64_t count, uint64_t needed)
{
	return count >= needed ? POLICY_AGAINST : (int)((int64_t)count * POLICY_AGAINST / (int64_t)needed);
}

bool
policy_rule_crossed(const struct policy_rule *f, struct buf *why)
{
	const uint64_t needed = f->limit + f->must_exceed;
	const bool is_crossed = f->count >= needed;
	struct policy_sum s = { why, 0 };

	if (f->is_fault && f->count > 0)
		s.total = weight_of(f->count - 1, needed);
	if (f->is_fault || is_crossed)
		policy_sum_add_num(&s, f->kind, f->count, weight_of(f->count, needed) - s.total);
	return is_crossed;
}

uint32_t
policy_failures_delay(uint32_t failures)
{
	static const uint32_t ms[] = { 0, 0, 0, 2000, 4000, 8000, 15000 };

	return ms[failures < PB_COUNT(ms) ? failures : PB_COUNT(ms) - 1];
}

uint32_t
policy_login_delay(const struct policy_login *f, struct buf *why)
{
	const int of_address = (int)policy_failures_delay(f->is_white ? 0 : f->of_address);
	const int of_account = (int)policy_failures_delay(f->of_account);
	struct policy_sum s = { why, 0 };

	policy_sum_add_num(&s, "address-failures", f->of_address, -of_address);
	/* The longer wait holds, so that of the account counts by what it is longer. */
	policy_sum_add_num(&s, "account-failures", f->of_account, of_account > of_address ? of_address - of_account : 0);
	if (f->is_spared)
		policy_sum_add(&s, "known-pair", SPAN("yes"), -s.total);
	return (uint32_t)-s.total;
}
