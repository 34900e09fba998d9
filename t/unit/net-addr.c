/* addr: parsing, printing, networks and the names that DNS lists ask for. */
#include "base/base.h"
#include "net/addr.h"
#include "tap.h"

static void
round_trip(const char *in, const char *out)
{
	struct addr a;
	char text[ADDR_TEXT_MAX];

	ok(addr_parse(span_of(in), &a), "%s is an address", in);
	is_text(addr_print(&a, text, sizeof(text)), out, in);
}

static void
with_port(const char *in, const char *out)
{
	struct addr a;
	char text[ADDR_TEXT_MAX];

	if (out == NULL) {
		ok(!addr_parse_port(span_of(in), 25, &a), "\"%s\" is refused", in);
		return;
	}
	ok(addr_parse_port(span_of(in), 25, &a), "%s has a port", in);
	is_text(addr_print_port(&a, text, sizeof(text)), out, in);
}

static void
in_range(const char *range, const char *ip, bool want)
{
	struct addr_range r;
	struct addr a;

	ok(addr_range_parse(span_of(range), &r) && addr_parse(span_of(ip), &a) &&
	    addr_in_range(&a, &r) == want, "%s %s %s", ip, want ? "in" : "not in", range);
}

static struct addr
ip(const char *text)
{
	struct addr a;

	if (!addr_parse(span_of(text), &a))
		ok(false, "%s", text);
	return a;
}

static void
literals(void)
{
	struct addr a;

	ok(addr_parse_literal(SPAN("[192.0.2.1]"), &a), "an IPv4 literal");
	ok(addr_parse_literal(SPAN("[IPv6:2001:db8::1]"), &a), "an IPv6 literal");
	ok(!addr_parse_literal(SPAN("[2001:db8::1]"), &a), "IPv6 needs its tag (RFC 5321 4.1.3)");
	ok(!addr_parse_literal(SPAN("[IPv6:1.2.3.4]"), &a), "IPv4 has none");
	ok(!addr_parse_literal(SPAN("[IPv6:::::]"), &a), "five colons are no address");
	ok(!addr_parse_literal(SPAN("[1.2.3.4"), &a), "an open bracket is refused");
	ok(!addr_parse(span_make("1.2.3.4\0", 8), &a), "NUL is refused");
	ok(!addr_parse(SPAN("fe80::1%eth0"), &a), "zones are refused");
	ok(!addr_parse(SPAN("010.1.1.1"), &a), "octal is refused");
	ok(!addr_parse(SPAN_NONE, &a), "nothing is no address");
}

static void
names(void)
{
	struct addr a = ip("192.0.2.1"), b = ip("2001:db8::1");
	struct buf out;

	buf_init(&out, 128);
	ok(addr_reverse(&a, &out), "reverse of IPv4");
	is_text(buf_text(&out), "1.2.0.192", "bytes backwards");
	buf_clear(&out);
	ok(addr_reverse(&b, &out), "reverse of IPv6");
	is_text(buf_text(&out), "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2",
		"nibbles backwards");
	buf_free(&out);
}

int
main(void)
{
	struct addr a, b;
	struct sockaddr_storage sa;
	char text[ADDR_TEXT_MAX];

	round_trip("192.0.2.1", "192.0.2.1");
	round_trip("2001:DB8:0:0::1", "2001:db8::1");
	round_trip("::ffff:192.0.2.7", "192.0.2.7");
	with_port("127.0.0.1@5353", "127.0.0.1:5353");
	with_port("127.0.0.1:5353", "127.0.0.1:5353");
	with_port("127.0.0.1", "127.0.0.1:25");
	with_port("::1", "[::1]:25");
	with_port("::1@99", "[::1]:99");
	with_port("[::1]:99", "[::1]:99");
	with_port("[::1]", "[::1]:25");
	with_port("127.0.0.1:", NULL);
	with_port("127.0.0.1:65536", NULL);
	with_port("127.0.0.1@-1", NULL);
	with_port("[::1", NULL);
	with_port("[::1]x", NULL);
	with_port("", NULL);
	literals();
	in_range("192.0.2.0/24", "192.0.2.255", true);
	in_range("192.0.2.0/24", "192.0.3.0", false);
	in_range("192.0.2.4/30", "192.0.2.7", true);
	in_range("192.0.2.4/30", "192.0.2.8", false);
	in_range("0.0.0.0/0", "255.255.255.255", true);
	in_range("2001:db8::/33", "2001:db8:7fff::1", true);
	in_range("2001:db8::/33", "2001:db8:8000::1", false);
	in_range("192.0.2.3-192.0.2.9", "192.0.2.9", true);
	in_range("192.0.2.3-192.0.2.9", "192.0.2.10", false);
	in_range("10.0.0.1", "10.0.0.1", true);
	in_range("::/0", "10.0.0.1", false);
	a = ip("10.20.30.40");
	b = addr_prefix(&a, 20, 64);
	is_text(addr_print(&b, text, sizeof(text)), "10.20.16.0", "a /20");
	a = ip("2001:db8:1:2:3:4:5:6");
	b = addr_prefix(&a, 24, 64);
	is_text(addr_print(&b, text, sizeof(text)), "2001:db8:1:2::", "a /64");
	a = ip("127.9.9.9");
	ok(addr_is_loopback(&a) && addr_is_private(&a), "127/8 is loopback");
	a = ip("0.1.2.3");
	ok(addr_is_unspecified(&a), "0/8 is nobody");
	a = ip("::");
	ok(addr_is_unspecified(&a) && !addr_is_loopback(&a), ":: is nobody");
	a = ip("ff02::1");
	ok(addr_is_multicast(&a), "ff00::/8 is multicast");
	a = ip("172.31.0.1");
	ok(addr_is_private(&a), "172.16/12 is private");
	a = ip("2001:db8::5");
	a.port = 993;
	ok(addr_from_sockaddr((struct sockaddr *)&sa, addr_to_sockaddr(&a, &sa), &b) && addr_eq(&a, &b),
		"to a sockaddr and back");
	names();
	return done();
}
