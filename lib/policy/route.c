/* route: see route.h. */
#include "base/base.h"
#include "policy/route.h"
#include "policy/sum.h"

const char *
policy_way_name(enum policy_way way)
{
	static const char *const names[] = { [POLICY_WAY_FORWARD] = "forward", [POLICY_WAY_MX] = "mx",
		[POLICY_WAY_GATEWAY] = "gateway" };

	return names[way];
}

static bool
takes(const struct policy_gateway *g, uint32_t priority)
{
	return g->enabled && priority >= g->priority_min && priority <= g->priority_max;
}

static void
explain(const struct policy_gateway *g, size_t number, uint32_t priority, struct policy_sum *s)
{
	if (!g->enabled)
		policy_sum_add_num(s, "gateway-disabled", number, 0);
	else if (takes(g, priority))
		policy_sum_add_num(s, "gateway", number, 0);
	else
		policy_sum_add_num(s, priority < g->priority_min ? "gateway-priority-over" : "gateway-priority-under",
			number, 0);
}

bool
policy_route_wants_mx(const struct policy_route *f)
{
	if (f->is_forwarded)
		return false;
	for (size_t i = 0; i < f->gateways; i++)
		if (takes(&f->gateway[i], f->priority))
			return true;
	return false;
}

enum policy_way
policy_route(const struct policy_route *f, size_t *match, size_t *matches, struct buf *why)
{
	struct policy_sum s = { why, 0 };

	*matches = 0;
	if (f->is_forwarded) {
		policy_sum_add(&s, "forwarded-domain", SPAN("yes"), 0);
		return POLICY_WAY_FORWARD;
	}
	if (f->is_backup) {
		policy_sum_add(&s, "backup-mx", SPAN("yes"), 0);
		return POLICY_WAY_MX;
	}
	policy_sum_add_num(&s, "priority", f->priority, 0);
	for (size_t i = 0; i < f->gateways; i++) {
		explain(&f->gateway[i], i + 1, f->priority, &s);
		if (takes(&f->gateway[i], f->priority))
			match[(*matches)++] = i;
	}
	if (f->gateways == 0)
		policy_sum_add(&s, "gateways", SPAN("none"), 0);
	return *matches > 0 ? POLICY_WAY_GATEWAY : POLICY_WAY_MX;
}

static bool
is_before(const struct policy_load *a, const struct policy_load *b)
{
	uint64_t work_a = a->queue + a->given, work_b = b->queue + b->given;

	return work_a != work_b ? work_a < work_b : a->turn < b->turn;
}

/* By insertion: there are few. */
static size_t
put(const struct policy_load *load, size_t i, size_t *order, size_t n)
{
	size_t at = n;

	for (; at > 0 && is_before(&load[i], &load[order[at - 1]]); at--)
		order[at] = order[at - 1];
	order[at] = i;
	return n + 1;
}

size_t
policy_route_order(const struct policy_load *load, size_t n, size_t *order)
{
	size_t count = 0;
	bool all_silent = true;

	for (size_t i = 0; i < n; i++)
		all_silent &= load[i].silent;
	for (size_t i = 0; i < n; i++)
		if (all_silent || !load[i].silent)
			count = put(load, i, order, count);
	return count;
}
