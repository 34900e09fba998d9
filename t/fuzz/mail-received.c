/* Received fields: the address lies within the value and is one; walking a header ends. */
#include "base/base.h"
#include "check/origin.h"
#include "mail/received.h"
#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span value = span_make(data, size), ip, helo;
	struct addr_set gateways = { .at = NULL };
	struct addr_range all;
	struct addr a, peer;

	if (received_client(value, &ip) == RECEIVED_FROM_ADDRESS) {
		FUZZ_CHECK(ip.p >= value.p && ip.p + ip.n <= value.p + value.n);
		FUZZ_CHECK(addr_parse(ip, &a));
	} else {
		FUZZ_CHECK(ip.p == NULL);
	}
	helo = received_helo(value);
	FUZZ_CHECK(helo.n == 0 || (helo.p >= value.p && helo.p + helo.n <= value.p + value.n));
	FUZZ_CHECK(addr_range_parse(SPAN("10.0.0.0/8"), &all) && addr_parse(SPAN("10.0.0.1"), &peer));
	addr_set_add(&gateways, &all);
	addr_set_seal(&gateways);
	if (origin_find(value, &peer, &gateways, &a, &helo))
		FUZZ_CHECK(!addr_set_has(&gateways, &a) && !addr_is_loopback(&a));
	addr_set_free(&gateways);
	return 0;
}
