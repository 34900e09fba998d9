/* Patterns for addresses and domains. */
#include "base/base.h"
#include "tap.h"
#include "policy/pattern.h"

static bool
m(const char *pattern, const char *address)
{
	return pattern_matches(span_of(pattern), span_of(address));
}

int
main(void)
{
	char stars[2001], as[5001];

	ok(m("a@b.example", "A@B.example") && !m("a@b.example", "aa@b.example"), "an address");
	ok(m("b.example", "x@B.EXAMPLE") && !m("b.example", "x@a.b.example"), "a domain");
	ok(m("*.example", "x@a.b.example") && !m("*.example", "x@example"), "domains below one");
	ok(m("*@b.example", "@b.example") && m("s*s-*@b.example", "sales-x@b.example") &&
		!m("s*s-*@b.example", "sale-x@b.example"), "parts of an address");
	ok(m("*", "x@y") && !m("", "x@y") && m("", "x@"), "everything and nothing");
	memset(as, 'a', 5000);
	as[5000] = '\0';
	for (size_t i = 0; i < 2000; i += 2) {
		stars[i] = '*';
		stars[i + 1] = 'a';
	}
	stars[1999] = 'b';
	stars[2000] = '\0';
	ok(!m(stars, as), "a pattern made to be slow is not");
	return done();
}
