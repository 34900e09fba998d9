/* route_settings: see route_settings.h. */
#include "base/base.h"
#include "route_settings.h"
#include "base/limits.h"
#include "base/mem.h"
#include "config/gateway.h"

void
route_settings(const struct settings *st, struct span host, uint32_t priority, struct route_settings *out)
{
	size_t count = gateway_server_count(st);
	struct policy_gateway *rule = mem_array(count, sizeof(*rule));
	struct policy_route f = { host.n > 0, false, priority, rule, count };

	out->gateway = mem_array(count, sizeof(*out->gateway));
	for (size_t i = 0; i < count; i++) {
		struct gateway_server g;

		gateway_server_get(st, i, &g);
		rule[i] = (struct policy_gateway){ g.enabled, g.priority_min, g.priority_max };
	}
	buf_init(&out->why, LIMIT_RECORD);
	out->way = policy_route(&f, out->gateway, &out->gateways, &out->why);
	free(rule);
}

void
route_settings_free(struct route_settings *r)
{
	buf_free(&r->why);
	free(r->gateway);
}
