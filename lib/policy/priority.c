/*
 * priority: see priority.h.
 */
#include "base/base.h"
#include "policy/priority.h"

uint32_t
policy_priority(const struct policy_priority *f)
{
	static const struct policy_priority_rules none = { .over_size = 0 };
	const struct policy_priority_rules *r = f->rules != NULL ? f->rules : &none;

	if (f->by_hand > 0)
		return f->by_hand;
	if (f->attempts > 1 && r->third > 0)
		return r->third;
	if (f->attempts > 0 && r->second > 0)
		return r->second;
	if (r->over_size > 0 && f->size > r->over_size_bytes)
		return r->over_size;
	if (f->wish != POLICY_PRIORITY_NORMAL)
		return f->wish;
	if (r->kind[f->kind] > 0)
		return r->kind[f->kind];
	return r->kind[POLICY_PERSON] > 0 ? r->kind[POLICY_PERSON] : POLICY_PRIORITY_NORMAL;
}
