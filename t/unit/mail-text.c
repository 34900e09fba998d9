/* Header fields, addresses, dates, charsets, mailbox names (case M04). */
#include "base/base.h"
#include "base/buf.h"
#include "base/limits.h"
#include "mail/address.h"
#include "mail/charset.h"
#include "mail/date.h"
#include "mail/header.h"
#include "mail/utf7.h"
#include "tap.h"

static void
test_header(void)
{
	struct span text = SPAN("A: 1\r\n  2\r\nbad line\r\nB : x\nA:3\n\nbody: x\n");
	struct header_field f;
	struct span rest = text;
	struct buf b;

	buf_init(&b, 100);
	ok(header_next(&rest, &f) && f.valid, "a field");
	is_span(f.value, " 1\r\n  2", "its value, folded");
	header_unfold(f.value, &b);
	is_text(buf_text(&b), "1  2", "unfolded");
	ok(header_next(&rest, &f) && !f.valid, "a line that is no field");
	ok(header_next(&rest, &f) && f.valid, "blanks before the colon");
	is_span(f.name, "B", "are not part of the name");
	ok(header_next(&rest, &f) && !header_next(&rest, &f), "the empty line ends it");
	is_span(rest, "body: x\n", "and the body follows");
	is_num(header_length(text), text.n - 8, "length of the header");
	is_num(header_count(text, "a"), 2, "fields of one name");
	is_span(header_find_nth(text, "a", 1), "3", "the second");
	ok(header_find(text, "body").p == NULL, "the body is no header");
	buf_free(&b);
}

static void
show(const char *value, struct buf *out)
{
	struct arena *a = arena_new(1 << 20);
	struct address_list l;

	buf_clear(out);
	address_parse_list(span_of(value), a, &l);
	for (size_t i = 0; i < l.count; i++) {
		struct span part[4] = { l.items[i].name, l.items[i].route, l.items[i].local, l.items[i].domain };

		for (size_t k = 0; k < 4; k++) {
			if (part[k].p == NULL)
				buf_text_put(out, "~");
			buf_span(out, part[k]);
			buf_text_put(out, k < 3 ? "|" : ";");
		}
	}
	arena_free(&a);
}

static void
test_addresses(void)
{
	static const char *const cases[][2] = {
		{ "user@domain", "~|~|user|domain;" },
		{ "user@domain (Real Name)", "Real Name|~|user|domain;" },
		{ "\"Q \\\"x\\\"\" <a.b@c>, d@e", "Q \"x\"|~|a.b|c;~|~|d|e;" },
		{ "J. R.  Smith\r\n <a@b>", "J. R. Smith|~|a|b;" },
		{ "<@route,@x:user@domain>", "~|@route,@x|user|domain;" },
		{ "group: g1@d1.org, g2@d2.org;, group2: g3@d3.org;",
		  "~|~|group|~;~|~|g1|d1.org;~|~|g2|d2.org;~|~|~|~;~|~|group2|~;~|~|g3|d3.org;~|~|~|~;" },
		{ "group:;, group2: (foo) ;", "~|~|group|~;~|~|~|~;~|~|group2|~;~|~|~|~;" },
		{ "a . b @ [1.2.3.4]", "~|~|a.b|[1.2.3.4];" },
		{ "nobody", "~|~|nobody|;" },
		{ "<>", "~|~||;" },
		{ "", "" }, { ", ,,", "" }, { ")", "" },
		{ "open <a@b", "open|~|a|b;" },
		{ "a@b <c@d>", "a@b|~|c|d;" }, { "a@b\r\n  x <c@d>, e@f", "a@b x|~|c|d;~|~|e|f;" },
		{ "a@b<c@d>", "a@b|~|c|d;" }, { "a@b (x <y@z>)", "x <y@z>|~|a|b;" },
		{ "g: a@b", "~|~|g|~;~|~|a|b;~|~|~|~;" },
		{ "=?utf-8?q?x?= <a@b>", "=?utf-8?q?x?=|~|a|b;" },
		{ "\"\\", "~|~|\\|;" }, { "(((((", "" }, { "(\\", "" }
	};
	struct buf b, big;
	uint64_t start;

	buf_init(&b, 8 << 20);
	for (size_t i = 0; i < PB_COUNT(cases); i++) {
		show(cases[i][0], &b);
		is_text(buf_text(&b), cases[i][1], cases[i][0]);
	}
	buf_init(&big, 8 << 20);
	for (int i = 0; i < 100000; i++)
		buf_text_put(&big, "(,<a@b>;");
	start = tap_cpu_ms();
	show(buf_text(&big), &b);
	buf_clear(&big);
	for (int i = 0; i < LIMIT_HEADER_ADDRESSES; i++)
		buf_text_put(&big, "a@b,");
	show(buf_text(&big), &b);
	is_num(b.n, 8 * LIMIT_HEADER_ADDRESSES, "addresses at LIMIT_HEADER_ADDRESSES are shown");
	for (int i = LIMIT_HEADER_ADDRESSES; i < 100000; i++) {
		buf_text_put(&big, "a@b,");
		if (i > LIMIT_HEADER_ADDRESSES)
			continue;
		show(buf_text(&big), &b);
		is_num(b.n, 8 * LIMIT_HEADER_ADDRESSES, "one over LIMIT_HEADER_ADDRESSES is not");
	}
	show(buf_text(&big), &b);
	ok(tap_cpu_ms() - start < 10000, "M04: 100,000 open comments and as many addresses, in time");
	buf_clear(&b);
	address_print(SPAN("a b\"c"), SPAN("d"), &b);
	is_text(buf_text(&b), "\"a b\\\"c\"@d", "an address printed so that it can be read back");
	buf_free(&b);
	buf_free(&big);
}

static void
test_dates(void)
{
	int64_t t = 0;
	int zone = 0;
	struct buf b;

	buf_init(&b, 100);
	ok(date_parse(SPAN("Thu, 15 Feb 2007 01:02:03 +0200"), &t, &zone) && t == 1171494123 && zone == 120, "a date");
	date_print(t, zone, &b);
	is_text(buf_text(&b), "Thu, 15 Feb 2007 01:02:03 +0200", "and back");
	ok(date_parse(SPAN("(c) 1 Jan 70 00:00 (x) EST"), &t, NULL) && t == 18000, "obsolete forms");
	ok(date_parse(SPAN("29 Feb 2000 23:59:60 -0000"), &t, NULL), "leap day, leap second");
	ok(!date_parse(SPAN("29 Feb 1900 00:00:00 +0000"), &t, NULL), "no such day");
	ok(!date_parse(SPAN("1 Foo 2000 00:00:00"), &t, NULL), "no such month");
	ok(!date_parse(SPAN("1 Jan 2000 24:00:00 +0000"), &t, NULL), "no such hour");
	ok(!date_parse(SPAN(""), &t, NULL) && !date_parse(SPAN("Mon,"), &t, NULL), "no date at all");
	buf_clear(&b);
	date_print(-1, -90, &b);
	is_text(buf_text(&b), "Wed, 31 Dec 1969 22:29:59 -0130", "before 1970");
	buf_free(&b);
}

static void
header_is(const char *value, const char *want)
{
	struct buf b;

	buf_init(&b, 1000);
	charset_decode_header(span_of(value), &b);
	is_text(buf_text(&b), want, value);
	buf_free(&b);
}

static void
test_charset(void)
{
	struct buf b, c;

	charset_warm_up();
	buf_init(&b, 1000);
	buf_init(&c, 1000);
	ok(charset_decode(SPAN("gr\xfc\xdf"), SPAN("ISO-8859-1"), &b), "Latin 1");
	is_text(buf_text(&b), "gr\xc3\xbc\xc3\x9f", "in UTF-8");
	charset_fold(SPAN("GR\xc3\x9c\xc3\x9f"), &c);
	is_text(buf_text(&c), "gr\xc3\xbcss", "letter case folded");
	buf_clear(&b);
	ok(!charset_decode(SPAN("a\xff"), SPAN("no-such-set"), &b), "an unknown charset");
	is_text(buf_text(&b), "a\xef\xbf\xbd", "is read as ASCII");
	ok(!charset_is_known(SPAN("")) && !charset_is_known(SPAN("a/../b")) && charset_is_known(SPAN("koi8-r")), "known charsets");
	header_is("=?utf-8?B?w7w=?= =?UTF-8?Q?=C3=BC_?=\r\n x", "\xc3\xbc\xc3\xbc  x");
	header_is("=?utf-8?B?w7?= =?utf-8?B?w=?=", "\xef\xbf\xbd");
	header_is("=?utf-8?Q?=C3?= =?utf-8?Q?=BC?=", "\xc3\xbc");
	header_is("a =?x?= =?utf-8?X?a?= =?utf-8?q?", "a =?x?= =?utf-8?X?a?= =?utf-8?q?");
	header_is("=?us-ascii*en?q?a?= b", "a b");
	buf_clear(&b);
	charset_base64(SPAN("YQ==YmM=\r\n!ZGVm"), &b);
	is_text(buf_text(&b), "abcdef", "base64, noise skipped");
	buf_clear(&b);
	charset_quoted_printable(SPAN("a=3D=\r\nb= \nc=\rd=4"), false, &b);
	is_text(buf_text(&b), "a=bc=\rd=4", "quoted-printable");
	ok(charset_is_utf8(SPAN("\xc3\xbc")) && !charset_is_utf8(SPAN("\xc3")), "what is UTF-8");
	buf_free(&b);
	buf_free(&c);
}

static void
utf7_is(const char *utf7, const char *utf8)
{
	struct buf b;

	buf_init(&b, 1000);
	if (utf8 == NULL) {
		ok(!utf7_decode(span_of(utf7), &b), "refused: %s", utf7);
	} else {
		ok(utf7_decode(span_of(utf7), &b), "read: %s", utf7);
		is_text(buf_text(&b), utf8, utf7);
	}
	buf_free(&b);
}

static bool
name_is_read(size_t n)
{
	struct buf in, out;
	bool is_read;

	buf_init(&in, n);
	buf_init(&out, n);
	for (size_t i = 0; i < n; i++)
		buf_char(&in, 'a');
	is_read = utf7_decode(buf_view(&in), &out) && span_eq(buf_view(&in), buf_view(&out));
	buf_free(&in);
	buf_free(&out);
	return is_read;
}

static void
test_utf7(void)
{
	struct buf b;

	buf_init(&b, 10000);
	utf7_is("Entw&APw-rfe", "Entw\xc3\xbcrfe");
	utf7_is("a&-b", "a&b");
	utf7_is("~peter/&U,BTFw-/&ZeVnLIqe-", "~peter/\xe5\x8f\xb0\xe5\x8c\x97/\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e");
	utf7_is("&2D3eAA-", "\xf0\x9f\x98\x80");
	utf7_is("&AAA-", NULL);
	utf7_is("&AAA", NULL);
	utf7_is("&AC8-", NULL);
	utf7_is("&AGE-", NULL);
	utf7_is("&APw-&APw-", NULL);
	utf7_is("&2D0-", NULL);
	utf7_is("\xc3\xbc", NULL);
	utf7_is("&APx-", NULL);
	ok(!utf7_encode(SPAN("\xff"), &b), "encode refuses what is no UTF-8");
	buf_free(&b);
	ok(name_is_read(LIMIT_MAILBOX_NAME), "a name at LIMIT_MAILBOX_NAME");
	ok(!name_is_read(LIMIT_MAILBOX_NAME + 1), "over LIMIT_MAILBOX_NAME");
}

int
main(void)
{
	test_header();
	test_addresses();
	test_dates();
	test_charset();
	test_utf7();
	return done();
}
