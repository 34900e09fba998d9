/* Banner variables are replaced exactly, and readable passwords stay where they may be. */
/* Features: BANNER-03. */
#include "base/base.h"
#include "policy/greeting.h"
#include "tap.h"

static void
check(const char *banner, const char *want, const char *name)
{
	struct greeting_facts facts = { .host_name = "mx.example.com", .peer_ip = "192.0.2.1", .now_s = 0, .zone = 60 };
	struct buf out;

	buf_init(&out, 1000);
	greeting_print(span_of(banner), &facts, &out);
	is_text(buf_text(&out), want, name);
	buf_free(&out);
}

int
main(void)
{
	check("#HostName# ESMTP", "mx.example.com ESMTP", "BANNER-04: the host name");
	check("hello #ConnectedIP#", "hello 192.0.2.1", "BANNER-05: the client's address");
	check("#Time#", "Thu, 1 Jan 1970 01:00:00 +0100", "BANNER-06: local time");
	check("#TimeUTC#", "Thu, 1 Jan 1970 00:00:00 +0000", "BANNER-07: UTC");
	check("t=#UnixTime#.", "t=0.", "BANNER-08: Unix time");
	check("#hostname# #Other# # #", "#hostname# #Other# # #", "an unknown word stays as written");
	check("#x#HostName#", "#xmx.example.com", "a variable may follow a lone #");
	check("", "", "an empty banner");
	ok(!greeting_plaintext_allowed("never", false, true), "never: not even on loopback");
	ok(greeting_plaintext_allowed("never", true, false), "TLS always may");
	ok(greeting_plaintext_allowed("loopback", false, true), "loopback: from loopback");
	ok(!greeting_plaintext_allowed("loopback", false, false), "loopback: not from elsewhere");
	ok(greeting_plaintext_allowed("always", false, false), "always: from everywhere");
	return done();
}
