/* Who may send one message more in this hour (THR-01 to THR-06: THR-02, THR-03, THR-04). */
#include "base/base.h"

#include "policy/throttle.h"
#include "tap.h"

int
main(void)
{
	struct policy_throttle f = { .messages = 1000000, .kib = 1u << 30, .bounces = 1000000 };

	ok(policy_throttle(&f) == POLICY_SENDS, "without limits everybody sends");
	f = (struct policy_throttle){ .messages_max = 5, .messages = 4 };
	ok(policy_throttle(&f) == POLICY_SENDS, "the last message of the limit goes");
	f.messages = 5;
	ok(policy_throttle(&f) == POLICY_MESSAGES, "the next waits");
	f = (struct policy_throttle){ .kib_max = 1024, .kib = 1023 };
	ok(policy_throttle(&f) == POLICY_SENDS, "below the limit of bytes one goes, whatever its size");
	f.kib = 1024;
	ok(policy_throttle(&f) == POLICY_BANDWIDTH, "then the next waits");
	f = (struct policy_throttle){ .bounces_max = 3, .bounces = 3 };
	ok(policy_throttle(&f) == POLICY_SENDS, "as many bounces as allowed");
	f.bounces = 4;
	ok(policy_throttle(&f) == POLICY_BOUNCES, "beyond them nothing is sent");
	ok(strcmp(policy_throttled_name(POLICY_BANDWIDTH), "bandwidth") == 0, "the log has a name for it");
	is_num(policy_throttle_until(1764590400), 1764594000, "an hour that begins ends in an hour");
	is_num(policy_throttle_until(1764593999), 1764594000, "its last second too");
	return done();
}
