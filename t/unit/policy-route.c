/* Which way a message goes, why, and how gateways share messages (GATE-01, GATE-05, GATE-10, GATE-17, PRIO-11). */
#include "base/base.h"
#include "policy/route.h"
#include "tap.h"

static size_t match[8], matches;

static enum policy_way
way(bool forwarded, bool backup, uint32_t priority, const struct policy_gateway *g, size_t n, char why[1024])
{
	struct policy_route f = { forwarded, backup, priority, g, n };
	struct buf b;
	enum policy_way w;

	buf_init_fixed(&b, why, 1024);
	w = policy_route(&f, match, &matches, &b);
	buf_text(&b);
	return w;
}

static void
check_ways(void)
{
	static const struct policy_gateway g[] = { { true, 1, 3 }, { false, 1, 10 }, { true, 3, 10 } };
	char why[1024];

	ok(way(true, true, 5, g, 3, why) == POLICY_WAY_FORWARD && matches == 0, "a forwarded domain goes to its server");
	ok(strcmp(why, "forwarded-domain yes 0 0\n") == 0, "and says so");
	ok(way(false, true, 5, g, 3, why) == POLICY_WAY_MX && matches == 0, "where we are the backup MX no gateway is used");
	ok(strcmp(why, "backup-mx yes 0 0\n") == 0, "and says so");
	ok(way(false, false, 5, g, 3, why) == POLICY_WAY_GATEWAY && matches == 1 && match[0] == 2,
	    "the gateway whose range has the priority is used");
	ok(strcmp(why, "priority 5 0 0\ngateway-priority-under 1 0 0\ngateway-disabled 2 0 0\ngateway 3 0 0\n") == 0, "why is told of each");
	ok(way(false, false, 3, g, 3, why) == POLICY_WAY_GATEWAY && matches == 2 && match[0] == 0 && match[1] == 2,
	    "ranges include their ends");
	ok(way(false, false, 3, g, 2, why) == POLICY_WAY_GATEWAY && matches == 1, "one that is off takes nothing");
	ok(way(false, false, 4, g, 2, why) == POLICY_WAY_MX && matches == 0, "without a gateway that takes it: by MX");
	ok(way(false, false, 5, NULL, 0, why) == POLICY_WAY_MX, "without any too");
	ok(strcmp(why, "priority 5 0 0\ngateways none 0 0\n") == 0, "and says so");
	ok(way(false, false, 2, g + 2, 1, why) == POLICY_WAY_MX, "a range may begin above the priority");
	ok(strcmp(why, "priority 2 0 0\ngateway-priority-over 1 0 0\n") == 0, "which is told");
}

static void
check_backup_question(void)
{
	static const struct policy_gateway g[] = { { true, 1, 3 } };

	ok(policy_route_wants_mx(&(struct policy_route){ false, false, 2, g, 1 }), "with a gateway it matters whether we are a backup MX");
	ok(!policy_route_wants_mx(&(struct policy_route){ false, false, 5, g, 1 }), "without one it does not");
	ok(!policy_route_wants_mx(&(struct policy_route){ true, false, 2, g, 1 }), "nor for a forwarded domain");
}

/* Send n messages; how many each gateway gets. */
static void
share(struct policy_load *load, size_t gateways, size_t n, size_t *got)
{
	size_t order[8];

	memset(got, 0, gateways * sizeof(*got));
	for (size_t i = 0; i < n; i++) {
		size_t chosen;

		if (policy_route_order(load, gateways, order) == 0)
			return;
		chosen = order[0];
		load[chosen].given++;
		load[chosen].turn = i + 1;
		got[chosen]++;
	}
}

static void
check_sharing(void)
{
	struct policy_load even[3] = { { .queue = 0 } }, uneven[3] = { { .queue = 100 }, { .queue = 0 }, { .queue = 40 } };
	struct policy_load silent[3] = { { .silent = true }, { .queue = 5 }, { .queue = 7 } };
	struct policy_load dead[2] = { { .silent = true, .turn = 2 }, { .silent = true, .turn = 1 } };
	size_t got[3], order[3];

	share(even, 3, 300, got);
	ok(got[0] == 100 && got[1] == 100 && got[2] == 100, "equals take turns");
	share(uneven, 3, 60, got);
	ok(got[0] == 0 && got[1] == 50 && got[2] == 10, "the shortest queue gets most until they are alike (%zu %zu %zu)", got[0], got[1], got[2]);
	share(uneven, 3, 220, got);
	ok(got[0] == 40 && got[1] == 90 && got[2] == 90, "then all get the same (%zu %zu %zu)", got[0], got[1], got[2]);
	ok(policy_route_order(silent, 3, order) == 2 && order[0] == 1 && order[1] == 2, "a silent one is skipped");
	ok(policy_route_order(dead, 2, order) == 2 && order[0] == 1, "unless all are");
	ok(policy_route_order(dead, 0, order) == 0, "none is none");
}

int
main(void)
{
	check_ways();
	check_backup_question();
	check_sharing();
	return done();
}
