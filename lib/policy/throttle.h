/*
 * throttle: may somebody send one message more in this hour?
 */
#ifndef POLICY_THROTTLE_H
#define POLICY_THROTTLE_H

#include "base/base.h"

/* Of a clock hour.  Limits: 0 is none. */
struct policy_throttle {
	uint64_t messages_max, kib_max, bounces_max;
	uint64_t messages, kib, bounces;	/* sent before, and bounces that came */
};

enum policy_throttled { POLICY_SENDS, POLICY_MESSAGES, POLICY_BANDWIDTH, POLICY_BOUNCES };

/*
 * The message that would pass the number of messages waits; of bytes the one
 * after those that reached the limit, so that a large one goes at some time; and
 * all wait once there were more bounces than allowed.
 */
enum policy_throttled policy_throttle(const struct policy_throttle *f);
const char *policy_throttled_name(enum policy_throttled t);	/* "messages", "bandwidth", "bounces" */

/* Seconds since 1970 when the clock hour (UTC) of `now` is over. */
int64_t policy_throttle_until(int64_t now);

#endif
