/* greylist: the sum.  One bar, and whatever lifts it first. */
#include "base/base.h"
#include "policy/greylist.h"
#include "policy/sum.h"

static void
add(struct policy_greylist_result *r, struct policy_sum *sum, const char *name, const char *value, int weight)
{
	policy_sum_add(sum, name, span_of(value), weight);
	*r = (struct policy_greylist_result){
		.passes = sum->total >= 0, .name = name, .value = value, .weight = weight, .total = sum->total };
}

struct policy_greylist_result
policy_greylist(const struct policy_greylist *f, struct buf *why)
{
	const struct { const char *name, *value; } exempt[] = {
		{ "log-in", f->user }, { "client", f->client }, { "recipient", f->recipient },
		{ "trusted-sender", f->trusted }, { "expected", f->expected }, { "known-sender", f->known },
	};
	struct policy_sum sum = { why, 0 };
	struct policy_greylist_result r;

	add(&r, &sum, "greylisting", "on", POLICY_AGAINST);
	for (size_t i = 0; i < PB_COUNT(exempt); i++) {
		if (exempt[i].value != NULL) {
			add(&r, &sum, exempt[i].name, exempt[i].value, POLICY_FOR);
			return r;
		}
	}
	add(&r, &sum, f->record != NULL ? f->record : "first-contact", f->key != NULL ? f->key : "-",
		f->record != NULL && f->record_passes ? POLICY_FOR : 0);
	return r;
}
