/* Envelope addresses: one canonical spelling for what RFC 5321 allows, no for all else. */
#include "base/base.h"
#include "smtp/path.h"
#include "exact.h"
#include "tap.h"

struct result {
	enum smtp_path_error error;
	struct smtp_path path;
	bool whole;
};

static void
read_one(struct span in, void *ctx)
{
	struct result *r = ctx;

	r->error = smtp_path_read(&in, &r->path);
	r->whole = in.n == 0;
}

static struct result
path_of(struct span in)
{
	struct result r;

	with_exact(in, read_one, &r);
	return r;
}

static void
test_canonical(void)
{
	static const struct { const char *in, *want; } good[] = {
		{ "<>", "" }, { "<a@x>", "a@x" }, { "<A.b+C@EXAMPLE.Org>", "A.b+C@example.org" },
		{ "<postmaster>", "postmaster" }, { "<PostMaster>", "PostMaster" },
		{ "<\"postmaster\">", "postmaster" },
		{ "<\"a b\"@x>", "\"a b\"@x" }, { "<\"a.b\"@x>", "a.b@x" }, { "<\"\\a\"@x>", "a@x" },
		{ "<\"a\\\"\\\\b\"@x>", "\"a\\\"\\\\b\"@x" }, { "<\"a>b\"@x>", "\"a>b\"@x" },
		{ "<\"a@b\"@x>", "\"a@b\"@x" }, { "<\"a.\"@x>", "\"a.\"@x" },
		{ "<u@[192.0.2.1]>", "u@[192.0.2.1]" },
		{ "<u@[ipv6:2001:DB8:0::1]>", "u@[IPv6:2001:db8::1]" },
		{ "<u@my_host.example>", "u@my_host.example" }, { "<${run}@local>", "${run}@local" },
		{ "<\xc3\xa4@x>", "\xc3\xa4@x" }, { "<a@B\xc3\xbc" "cher.example>", "a@xn--bcher-kva.example" },
		{ "<\"\xe2\x82\xac a\"@x>", "\"\xe2\x82\xac a\"@x" },
		{ "<|/bin/id@x>", "|/bin/id@x" }, { "<a@3com.example>", "a@3com.example" },
	};

	for (size_t i = 0; i < PB_COUNT(good); i++) {
		struct result r = path_of(span_of(good[i].in));
		struct smtp_path again;

		ok(r.error == SMTP_PATH_OK && r.whole, "%s is a path", good[i].in);
		is_text(r.path.text, good[i].want, "its canonical form");
		if (r.path.n > 0) {
			ok(smtp_path_parse(smtp_path_view(&r.path), &again) == SMTP_PATH_OK,
			   "the canonical form is an address");
			is_text(again.text, r.path.text, "which is its own canonical form");
		}
	}
}

static void
test_refused(void)
{
	static const struct { const char *in; enum smtp_path_error want; } bad[] = {
		{ "", SMTP_PATH_SYNTAX }, { "<", SMTP_PATH_SYNTAX }, { "a@x", SMTP_PATH_SYNTAX },
		{ "<a@x", SMTP_PATH_SYNTAX }, { "<a>", SMTP_PATH_SYNTAX }, { "<@>", SMTP_PATH_ROUTE },
		{ "<@a,@b:c@d>", SMTP_PATH_ROUTE }, { "<\"\"@x>", SMTP_PATH_SYNTAX },
		{ "<\"\\\"@x>", SMTP_PATH_SYNTAX }, { "<a b@x>", SMTP_PATH_SYNTAX },
		{ "<a@b>c>", SMTP_PATH_OK },	/* the path ends before "c>": not the whole */
		{ "<a@b.(c.d)>", SMTP_PATH_SYNTAX },
		{ "<any@legit.com(.attacker.com>", SMTP_PATH_SYNTAX },
		{ "<a@[IPv6:::::]>", SMTP_PATH_SYNTAX }, { "<a@[1.2.3.4>", SMTP_PATH_SYNTAX },
		{ "<a@[1.2.3.256]>", SMTP_PATH_SYNTAX }, { "<a@[]>", SMTP_PATH_SYNTAX },
		{ "<a@[IPv6:1.2.3.4]>", SMTP_PATH_SYNTAX }, { "<a@->", SMTP_PATH_SYNTAX },
		{ "<a@x->", SMTP_PATH_SYNTAX }, { "<a@.x>", SMTP_PATH_SYNTAX }, { "<a@x.>", SMTP_PATH_SYNTAX },
		{ "<a@x..y>", SMTP_PATH_SYNTAX }, { "<.a@x>", SMTP_PATH_SYNTAX }, { "<a..b@x>", SMTP_PATH_SYNTAX },
		{ "<a.@x>", SMTP_PATH_SYNTAX }, { "<;for i in 0 1;do sh;done;>", SMTP_PATH_SYNTAX },
		{ "<\xc3@x>", SMTP_PATH_SYNTAX }, { "<a@\xc3>", SMTP_PATH_SYNTAX },
		{ "<\xc0\xaf@x>", SMTP_PATH_SYNTAX }, { "<\xed\xa0\x80@x>", SMTP_PATH_SYNTAX },
		{ "<\xc2\x9f@x>", SMTP_PATH_SYNTAX }, { "<a@\xe2\x80\xae.example>", SMTP_PATH_SYNTAX },
		{ "<\xf4\x90\x80\x80@x>", SMTP_PATH_SYNTAX },
		{ "<\"a\x01\"@x>", SMTP_PATH_SYNTAX }, { "<a@b@c>", SMTP_PATH_SYNTAX },
		{ "<${run{\\x2fbin\\x2fsh}}@local>", SMTP_PATH_SYNTAX },
	};
	struct result r;

	for (size_t i = 0; i < PB_COUNT(bad); i++) {
		r = path_of(span_of(bad[i].in));
		ok(r.error == bad[i].want && !(r.error == SMTP_PATH_OK && r.whole), "refused: %s", bad[i].in);
	}
	r = path_of(SPAN("<a\0b@x>"));
	ok(r.error == SMTP_PATH_SYNTAX, "a NUL in the local part is refused");
	r = path_of(SPAN("<a@x\0y>"));
	ok(r.error == SMTP_PATH_SYNTAX, "a NUL in the domain is refused");
}

/* local x 'a' '@' domain of labels of 63 */
static struct result
sized(size_t local, size_t domain)
{
	struct result r;
	struct buf text;

	buf_init(&text, 100000);
	buf_char(&text, '<');
	for (size_t i = 0; i < local; i++)
		buf_char(&text, 'a');
	buf_char(&text, '@');
	for (size_t i = 0; i < domain; i++)
		buf_char(&text, i % 64 == 63 ? '.' : 'd');
	buf_char(&text, '>');
	r = path_of(buf_view(&text));
	buf_free(&text);
	return r;
}

static void
test_limits(void)
{
	struct result r = sized(LIMIT_LOCAL_PART, LIMIT_DOMAIN);

	ok(r.error == SMTP_PATH_OK, "a local part at LIMIT_LOCAL_PART and a domain at LIMIT_DOMAIN");
	is_num(r.path.n, LIMIT_ADDRESS, "are an address of the greatest length");
	ok(sized(LIMIT_LOCAL_PART + 1, 3).error == SMTP_PATH_LONG, "a local part over LIMIT_LOCAL_PART");
	ok(sized(65536, 3).error == SMTP_PATH_LONG, "also against 64 KiB");
	ok(sized(1, LIMIT_DOMAIN + 1).error == SMTP_PATH_LONG, "a domain over LIMIT_DOMAIN");
	r = path_of(SPAN("<\"                                                                \"@x>"));
	ok(r.error == SMTP_PATH_LONG, "the quotes count for the limit of a local part");
	r = path_of(SPAN("<a@aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa>"));
	ok(r.error == SMTP_PATH_SYNTAX, "a label has at most 63 bytes");
}

static void
test_parts(void)
{
	struct result r = path_of(SPAN("<\"x@y\"@Z.example>"));
	struct smtp_path other;

	is_span(smtp_path_local(&r.path), "\"x@y\"", "the local part");
	is_span(smtp_path_domain(&r.path), "z.example", "the domain");
	ok(smtp_path_parse(SPAN("\"X@y\"@z.Example"), &other) == SMTP_PATH_OK &&
	   smtp_path_eq(&r.path, &other), "letter case does not count in comparisons");
	ok(smtp_path_parse(SPAN("POSTmaster@x"), &other) == SMTP_PATH_OK && smtp_path_is_postmaster(&other),
	   "postmaster at a domain");
	ok(smtp_path_parse(SPAN("a@x "), &other) == SMTP_PATH_SYNTAX, "no blank behind an address");
	ok(smtp_path_is_null(&(struct smtp_path){ .n = 0 }), "the null path");
}

int
main(void)
{
	test_canonical();
	test_refused();
	test_limits();
	test_parts();
	return done();
}
