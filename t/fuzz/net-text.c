/* Addresses, ports, literals, ranges and urls of gateways: what is taken prints to what reads back the same. */
#include "base/base.h"
#include "config/gateway.h"
#include "net/addr.h"
#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span s = span_make(data, size);
	struct addr a, b;
	struct addr_range r;
	struct gateway_url u;
	char text[ADDR_TEXT_MAX];

	if (addr_parse(s, &a))
		FUZZ_CHECK(addr_parse(span_of(addr_print(&a, text, sizeof(text))), &b) && addr_eq(&a, &b));
	if (addr_parse_port(s, 25, &a))
		FUZZ_CHECK(addr_parse_port(span_of(addr_print_port(&a, text, sizeof(text))), 1, &b) &&
		    addr_eq(&a, &b));
	if (addr_parse_literal(s, &a))
		FUZZ_CHECK(size >= 2 && data[0] == '[' && (a.family == AF_INET || a.family == AF_INET6));
	if (addr_range_parse(s, &r))
		FUZZ_CHECK(addr_in_range(&r.from, &r) && addr_in_range(&r.to, &r));
	if (gateway_url_parse(s, &u))
		FUZZ_CHECK(u.port > 0 && u.host[0] != '\0' && strlen(u.host) < size && strpbrk(u.host, " /@") == NULL);
	return 0;
}
