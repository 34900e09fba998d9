/* abuse: see abuse.h. */
#include "base/base.h"
#include "policy/abuse.h"
#include "policy/sum.h"

enum policy_admitted
policy_admission(const struct policy_admission *f)
{
	if (f->is_white)
		return POLICY_ADMITTED;
	if (f->is_blocked)
		return POLICY_BLOCKED;
	return f->open_max > 0 && f->open > f->open_max ? POLICY_TOO_MANY : POLICY_ADMITTED;
}

bool
policy_rule_crossed(const struct policy_rule *f, struct buf *why)
{
	struct policy_sum s = { why, 0 };

	if (f->must_exceed ? f->count <= f->limit : f->count < f->limit)
		return false;
	policy_sum_add_num(&s, f->kind, f->count, POLICY_AGAINST);
	return true;
}

uint32_t
policy_failures_delay(uint32_t failures)
{
	static const uint32_t ms[] = { 0, 0, 0, 2000, 4000, 8000, 15000 };

	return ms[failures < PB_COUNT(ms) ? failures : PB_COUNT(ms) - 1];
}

uint32_t
policy_login_delay(const struct policy_login *f)
{
	uint32_t of_address = policy_failures_delay(f->is_white ? 0 : f->of_address);
	uint32_t of_account = policy_failures_delay(f->of_account);

	if (f->is_spared)
		return 0;
	return of_address > of_account ? of_address : of_account;
}
