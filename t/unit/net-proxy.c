/* proxy: PROXY headers of both versions, whole, cut at every byte, and broken; and sets of addresses. */
#include "base/base.h"
#include "net/addr_set.h"
#include "net/proxy.h"
#include "tap.h"

static void
check(struct span bytes, enum proxy_result want, const char *source, const char *name)
{
	struct proxy_header h = { .length = 77 };
	char text[ADDR_TEXT_MAX] = "";
	enum proxy_result r = proxy_parse(bytes, &h);

	ok(r == want, "%s", name);
	if (r != PROXY_OK)
		return;
	if (h.has_ends)
		addr_print_port(&h.source, text, sizeof(text));
	is_text(text, source, "... the client");
}

static void
cut(struct span bytes, const char *name)
{
	struct proxy_header h;
	size_t n = 0;

	while (n < bytes.n && proxy_parse(span_first(bytes, n), &h) == PROXY_MORE)
		n++;
	ok(n == bytes.n && proxy_parse(bytes, &h) == PROXY_OK && h.length == n, "%s: whole at its last byte only", name);
}

static void
version_1(void)
{
	check(SPAN("PROXY TCP4 192.0.2.1 198.51.100.2 65535 25\r\nEHLO"), PROXY_OK, "192.0.2.1:65535", "TCP4");
	check(SPAN("PROXY TCP6 2001:db8::1 ::1 1 25\r\n"), PROXY_OK, "[2001:db8::1]:1", "TCP6");
	check(SPAN("PROXY TCP6 ::ffff:192.0.2.1 ::1 1 25\r\n"), PROXY_OK, "192.0.2.1:1", "a mapped address is IPv4");
	check(SPAN("PROXY UNKNOWN\r\n"), PROXY_OK, "", "UNKNOWN");
	check(SPAN("PROXY UNKNOWN anything at all\r\n"), PROXY_OK, "", "UNKNOWN with more");
	check(SPAN("PROXY TCP4 192.0.2.1 198.51.100.2 65536 25\r\n"), PROXY_BAD, NULL, "a port over 65535");
	check(SPAN("PROXY TCP4 192.0.2.1 198.51.100.2 025 25\r\n"), PROXY_BAD, NULL, "a port with a leading zero");
	check(SPAN("PROXY TCP4 192.0.2.1 198.51.100.2 25\r\n"), PROXY_BAD, NULL, "one port only");
	check(SPAN("PROXY TCP4 192.0.2.1 198.51.100.2 25 25 \r\n"), PROXY_BAD, NULL, "a blank at the end");
	check(SPAN("PROXY TCP4  192.0.2.1 198.51.100.2 25 25\r\n"), PROXY_BAD, NULL, "two blanks");
	check(SPAN("PROXY TCP4 2001:db8::1 ::1 1 25\r\n"), PROXY_BAD, NULL, "IPv6 under TCP4");
	check(SPAN("PROXY TCP6 192.0.2.1 192.0.2.2 1 25\r\n"), PROXY_BAD, NULL, "IPv4 under TCP6");
	check(SPAN("PROXY UDP4 192.0.2.1 192.0.2.2 1 25\r\n"), PROXY_BAD, NULL, "another transport");
	check(SPAN("proxy TCP4 192.0.2.1 192.0.2.2 1 25\r\n"), PROXY_BAD, NULL, "small letters");
	check(SPAN("PROXY TCP4 192.0.2.1 192.0.2.2 1 25\n"), PROXY_MORE, NULL, "LF alone ends nothing");
	check(SPAN("PROXY UNKNOWN 0123456789012345678901234567890123456789012345678901234567890123456789012345678901"
		   "234567890123456789\r\n"), PROXY_BAD, NULL, "over 107 bytes");
	check(SPAN("EHLO client.example\r\n"), PROXY_BAD, NULL, "no header at all");
}

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define SIX SIGNATURE "\x21\x21\0\x24" "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1" \
	"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\2" "\0\7\0\x19"

static void
version_2(void)
{
	check(SPAN(SIGNATURE "\x21\x11\0\x0c\xc0\0\2\1\xc0\0\2\2\x10\0\0\x19 EHLO"), PROXY_OK, "192.0.2.1:4096", "TCP over IPv4");
	check(SPAN(SIX), PROXY_OK, "[2001:db8::1]:7", "TCP over IPv6");
	check(SPAN(SIGNATURE "\x21\x11\0\x10\xc0\0\2\1\xc0\0\2\2\x10\0\0\x19\3\0\1x"), PROXY_OK, "192.0.2.1:4096", "with a vector behind");
	check(SPAN(SIGNATURE "\x20\0\0\0"), PROXY_OK, "", "LOCAL");
	check(SPAN(SIGNATURE "\x20\x11\0\0"), PROXY_OK, "", "LOCAL without the addresses it names");
	check(SPAN(SIGNATURE "\x21\0\0\0"), PROXY_OK, "", "unspecified");
	check(SPAN(SIGNATURE "\x21\x31\0\0"), PROXY_OK, "", "a Unix socket");
	check(SPAN(SIGNATURE "\x21\x12\0\0"), PROXY_OK, "", "UDP");
	check(SPAN(SIGNATURE "\x21\x11\0\x0b\xc0\0\2\1\xc0\0\2\2\x10\0\0"), PROXY_BAD, NULL, "too short for its family");
	check(SPAN(SIGNATURE "\x11\x11\0\x0c"), PROXY_BAD, NULL, "version 1 in binary");
	check(SPAN(SIGNATURE "\x22\x11\0\x0c"), PROXY_BAD, NULL, "an unknown command");
	check(SPAN(SIGNATURE "\x21\x41\0\x0c"), PROXY_BAD, NULL, "an unknown family");
	check(SPAN(SIGNATURE "\x21\x11\x0f\xf1"), PROXY_BAD, NULL, "a header over LIMIT_PROXY_HEADER");
	check(SPAN(SIGNATURE "\x21\x11\x0f\xf0"), PROXY_MORE, NULL, "the rest of one at LIMIT_PROXY_HEADER is waited for");
	check(SPAN("\r\n\r\n\0\r\nQUIT\r"), PROXY_BAD, NULL, "a wrong signature");
	cut(SPAN(SIX), "version 2");
}

static bool
has(const struct addr_set *set, const char *ip)
{
	struct addr a;

	return addr_parse(span_of(ip), &a) && addr_set_has(set, &a);
}

static void
sets(void)
{
	static const char *const ranges[] = { "192.0.2.10-192.0.2.20", "192.0.2.15-192.0.2.30", "10.0.0.0/8", "10.1.0.0/16",
		"2001:db8::/32", "::1", "192.0.2.21", "0.0.0.0" };
	struct addr_set set = { .at = NULL };
	struct addr_range r;
	struct addr local = { .family = AF_UNIX };

	ok(!has(&set, "10.0.0.1"), "an empty set has nobody");
	for (size_t i = 0; i < PB_COUNT(ranges); i++)
		if (addr_range_parse(span_of(ranges[i]), &r))
			addr_set_add(&set, &r);
	addr_set_seal(&set);
	is_num(set.count, 5, "ranges that meet are one");
	ok(has(&set, "192.0.2.10") && has(&set, "192.0.2.30") && has(&set, "192.0.2.20"), "both ends are in");
	ok(!has(&set, "192.0.2.9") && !has(&set, "192.0.2.31"), "and what lies beside them is not");
	ok(has(&set, "10.255.255.255") && has(&set, "10.0.0.0") && !has(&set, "11.0.0.0") && !has(&set, "9.255.255.255"), "a network");
	ok(has(&set, "2001:db8:ffff::1") && !has(&set, "2001:db9::") && has(&set, "::1") && !has(&set, "::2"), "IPv6");
	ok(!has(&set, "::c000:20a") && has(&set, "::ffff:192.0.2.10"), "families do not mix, mapped addresses are IPv4");
	ok(has(&set, "0.0.0.0") && !has(&set, "::"), "zero of one family is not zero of the other");
	ok(!addr_set_has(&set, &local), "a Unix socket is in no set");
	addr_set_free(&set);
}

int
main(void)
{
	version_1();
	version_2();
	sets();
	return done();
}
