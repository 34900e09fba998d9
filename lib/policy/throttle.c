/*
 * throttle: see throttle.h.
 */
#include "base/base.h"
#include "policy/throttle.h"

enum policy_throttled
policy_throttle(const struct policy_throttle *f)
{
	if (f->bounces_max > 0 && f->bounces > f->bounces_max)
		return POLICY_BOUNCES;
	if (f->messages_max > 0 && f->messages >= f->messages_max)
		return POLICY_MESSAGES;
	return f->kib_max > 0 && f->kib >= f->kib_max ? POLICY_BANDWIDTH : POLICY_SENDS;
}

const char *
policy_throttled_name(enum policy_throttled t)
{
	static const char *const names[] = { "", "messages", "bandwidth", "bounces" };

	return names[t];
}

int64_t
policy_throttle_until(int64_t now)
{
	return (now / 3600 + 1) * 3600;
}
