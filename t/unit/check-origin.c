/* origin: address and HELO name in Received fields as servers write them, and the first hop that is not ours (BYP-02, BYP-03). */
#include "base/base.h"
#include "check/origin.h"
#include "mail/received.h"
#include "tap.h"

static void
field(const char *value, enum received_from want, const char *ip)
{
	struct span found;
	enum received_from r = received_client(span_of(value), &found);

	ok(r == want, "%s", value);
	if (ip != NULL)
		is_span(found, ip, "... its address");
}

static void
fields(void)
{
	field("from helo.example (name.example [192.0.2.1]) by us; date", RECEIVED_FROM_ADDRESS, "192.0.2.1");
	field("from c.example ([192.0.2.1])\r\n\tby us (Pillarbox)", RECEIVED_FROM_ADDRESS, "192.0.2.1");
	field("from c.example ([IPv6:2001:db8::1]) by us", RECEIVED_FROM_ADDRESS, "2001:db8::1");
	field("from [198.51.100.9] (unknown [192.0.2.1]) by us", RECEIVED_FROM_ADDRESS, "192.0.2.1");
	field("from helo (name [192.0.2.1] (may be forged)) by us", RECEIVED_FROM_ADDRESS, "192.0.2.1");
	field("from name.example ([192.0.2.1] helo=[198.51.100.9]) by us", RECEIVED_FROM_ADDRESS, "192.0.2.1");
	field("from [192.0.2.1] (port=4711 helo=[198.51.100.9]) by us", RECEIVED_FROM_ADDRESS, "192.0.2.1");
	field("from [192.0.2.1]:4711 (helo=x) by us", RECEIVED_FROM_ADDRESS, "192.0.2.1");
	field("from unknown (HELO [198.51.100.9]) (192.0.2.1) by us", RECEIVED_FROM_ADDRESS, "192.0.2.1");
	field("from unknown (HELO 198.51.100.9) (192.0.2.1)", RECEIVED_FROM_ADDRESS, "192.0.2.1");
	field("from mail.example (2001:db8::7) by other (2001:db8::8) with SMTP", RECEIVED_FROM_ADDRESS, "2001:db8::7");
	field("(qmail 17 invoked from network); 1 Jan", RECEIVED_FROM_NOBODY, "");
	field("by us with local id 4; date", RECEIVED_FROM_NOBODY, "");
	field("", RECEIVED_FROM_NOBODY, "");
	field("from localhost by us ([192.0.2.1])", RECEIVED_FROM_UNKNOWN, "");
	field("from name (HELO [192.0.2.1]) by us", RECEIVED_FROM_UNKNOWN, "");
	field("from name (by [192.0.2.1]) by us", RECEIVED_FROM_ADDRESS, "192.0.2.1");
	field("from name ([192.0.2.1", RECEIVED_FROM_UNKNOWN, "");
	field("from name ([192.0.2.256]) by us", RECEIVED_FROM_UNKNOWN, "");
	field("from", RECEIVED_FROM_UNKNOWN, "");
}

static void
names(void)
{
	is_span(received_helo(SPAN("from helo.example (name.example [192.0.2.1]) by us; date")), "helo.example", "Postfix's HELO");
	is_span(received_helo(SPAN("from [198.51.100.9] (unknown [192.0.2.1]) by us")), "[198.51.100.9]", "a literal");
	is_span(received_helo(SPAN("from name.example ([192.0.2.1] helo=[198.51.100.9]) by us")), "[198.51.100.9]", "Exim's");
	is_span(received_helo(SPAN("from [192.0.2.1] (port=4711 helo=x.example) by us")), "x.example", "... without a name");
	is_span(received_helo(SPAN("from name.example ([192.0.2.1]) by us")), "name.example", "... with one that is the same");
	is_span(received_helo(SPAN("from unknown (HELO [198.51.100.9]) (192.0.2.1) by us")), "[198.51.100.9]", "qmail's");
	is_span(received_helo(SPAN("from x.example ([IPv6:2001:db8::1])\r\n\tby us")), "x.example", "our own");
	is_span(received_helo(SPAN("from [IPv6:2001:db8::2] ([IPv6:2001:db8::1]) by us")), "[IPv6:2001:db8::2]", "an IPv6 literal");
	is_span(received_helo(SPAN("by us with local; date")), "", "nobody");
	is_span(received_helo(SPAN("from")), "", "an empty clause");
	is_span(received_helo(SPAN("from x (HELO) by us")), "x", "a quotation without a name");
}

static void
origin(const char *peer, const char *header, const char *want)
{
	struct addr_set gateways = { .at = NULL };
	struct addr_range r;
	struct addr from, out;
	struct span helo = SPAN_NONE;
	char text[ADDR_TEXT_MAX] = "";

	if (addr_range_parse(SPAN("192.0.2.1-192.0.2.9"), &r))
		addr_set_add(&gateways, &r);
	if (addr_range_parse(SPAN("2001:db8::/64"), &r))
		addr_set_add(&gateways, &r);
	addr_set_seal(&gateways);
	if (addr_parse(span_of(peer), &from) && origin_find(span_of(header), &from, &gateways, &out, &helo))
		addr_print(&out, text, sizeof(text));
	is_text(text, want, header);
	is_span(helo, want[0] != '\0' ? "x" : "", "... and the name it gave");
	addr_set_free(&gateways);
}

#define HOP(ip) "Received: from x (x [" ip "]) by y; date\r\n"

int
main(void)
{
	fields();
	names();
	origin("192.0.2.1", HOP("198.51.100.1") HOP("198.51.100.2") "\r\n", "198.51.100.1");
	origin("192.0.2.9", "X: y\r\n" HOP("192.0.2.2") HOP("2001:db8::5") HOP("198.51.100.3") HOP("198.51.100.4") "\r\n", "198.51.100.3");
	origin("192.0.2.9", HOP("127.0.0.1") "Received: by filter\r\n" HOP("::1") HOP("198.51.100.3") "\r\n", "198.51.100.3");
	origin("198.51.100.1", HOP("198.51.100.2") "\r\n", "");
	origin("192.0.2.1", HOP("192.0.2.2") "\r\n", "");
	origin("192.0.2.1", HOP("192.0.2.2") "Received: from forged by z\r\n" HOP("198.51.100.3") "\r\n", "");
	origin("192.0.2.1", "Subject: x\r\n\r\n" HOP("198.51.100.3"), "");
	origin("2001:db8::77", HOP("2001:db8:1::1") "\r\n", "2001:db8:1::1");
	return done();
}
