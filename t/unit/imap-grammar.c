/* The IMAP grammar (cases I01, I03, I04, I08 of the hostile kind among them). */
#include "base/base.h"
#include "base/buf.h"
#include "base/limits.h"
#include "imap/command.h"
#include "imap/fetch.h"
#include "imap/lex.h"
#include "imap/print.h"
#include "imap/search.h"
#include "imap/set.h"
#include "imap/summary.h"
#include "mail/mime.h"
#include "tap.h"

static struct arena *arena;

static struct imap_lex
lex(struct span text)
{
	arena_reset(arena);
	return (struct imap_lex){ .rest = text, .arena = arena };
}

static void
test_literals(void)
{
	static const struct { const char *line; bool is, bad, plus; uint64_t size; } cases[] = {
		{ "a LOGIN {5}", true, false, false, 5 },
		{ "a LOGIN {5+}", true, false, true, 5 },
		{ "{0}", true, false, false, 0 },
		{ "a LOGIN {4294967295}", true, false, false, 4294967295 },
		{ "a LOGIN {99999999999999999999}", true, true, false, 0 },
		{ "a LOGIN {-1}", true, true, false, 0 },
		{ "a LOGIN {1 }", true, true, false, 0 },
		{ "a LOGIN {}", true, true, false, 0 },
		{ "a APPEND x ~{10}", true, true, false, 10 },
		{ "a LOGIN \"x {5}", false, false, false, 0 },
		{ "a LOGIN \"x\" \"{5}\"", false, false, false, 0 },
		{ "a LOGIN \"\\\"\" {5}", true, false, false, 5 },
		{ "a x}", false, false, false, 0 },
		{ "}", false, false, false, 0 }
	};
	struct imap_literal lit;

	for (size_t i = 0; i < PB_COUNT(cases); i++) {
		bool is = imap_literal_at_end(span_of(cases[i].line), &lit);

		ok(is == cases[i].is && lit.is_bad == cases[i].bad && lit.plus == cases[i].plus &&
		   (lit.is_bad || lit.size == cases[i].size), "I01 %s", cases[i].line);
	}
}

static void
test_strings(void)
{
	struct imap_lex x = lex(SPAN("\"a\\\"b\" {3}\r\nx\"y atom] NIL\r\n"));
	struct span s;

	ok(imap_lex_astring(&x, &s) && span_is(s, "a\"b"), "a quoted string with an escape");
	ok(imap_lex_space(&x) && imap_lex_astring(&x, &s) && span_is(s, "x\"y"), "a literal");
	ok(imap_lex_space(&x) && imap_lex_astring(&x, &s) && span_is(s, "atom]"), "an atom");
	ok(imap_lex_space(&x) && imap_lex_nstring(&x, &s) && s.p == NULL, "NIL");
	ok(imap_lex_end(&x), "the end");
	x = lex(SPAN("\"x\0y\""));
	ok(!imap_lex_string(&x, &s), "I04 a NUL in quotes");
	x = lex(SPAN("\"\\\0"));
	ok(!imap_lex_string(&x, &s), "I04 backslash NUL");
	x = lex(SPAN("\"\\"));
	ok(!imap_lex_string(&x, &s), "I04 a backslash at the end");
	x = lex(SPAN("\"\xc3\xbc\""));
	ok(!imap_lex_string(&x, &s), "I04 8-bit in quotes");
	x = lex(SPAN("\"open"));
	ok(!imap_lex_string(&x, &s), "I04 an open string");
	x = lex(SPAN("{5}\r\nabc"));
	ok(!imap_lex_string(&x, &s), "a literal longer than the command");
	x = lex(SPAN("{2}\r\na\0"));
	ok(!imap_lex_string(&x, &s), "a NUL in a literal");
}

/* NOOP with a tag of n characters. */
static bool
tag_is_read(size_t n)
{
	char line[LIMIT_IMAP_TAG + 20];
	struct imap_command c;
	struct imap_lex x;

	memset(line, 'a', n);
	memcpy(line + n, " NOOP\r\n", 7);
	x = lex(span_make(line, n + 7));
	return imap_command_parse(&x, &c) && c.tag.n == n && span_is(c.name, "NOOP");
}

static void
test_command(void)
{
	struct imap_lex x = lex(SPAN("a1 UID FETCH 1 x\r\n"));
	struct imap_command c;

	ok(imap_command_parse(&x, &c) && c.uid && span_is(c.name, "FETCH"), "UID FETCH");
	x = lex(SPAN("a1 noop\r\n"));
	ok(imap_command_parse(&x, &c) && !c.uid && span_is_nocase(c.name, "NOOP"), "NOOP");
	x = lex(SPAN("+ noop\r\n"));
	ok(!imap_command_parse(&x, &c) && c.tag.p == NULL, "+ is no tag");
	x = lex(SPAN("a1\r\n"));
	ok(!imap_command_parse(&x, &c) && span_is(c.tag, "a1"), "a tag alone");
	ok(tag_is_read(LIMIT_IMAP_TAG), "a tag at LIMIT_IMAP_TAG");
	ok(!tag_is_read(LIMIT_IMAP_TAG + 1), "over LIMIT_IMAP_TAG");
}

/* n times one text, and another behind it. */
static void
put_times(struct buf *b, const char *text, size_t n, const char *end)
{
	for (size_t i = 0; i < n; i++)
		buf_text_put(b, text);
	buf_text_put(b, end);
}

static void
test_sets(void)
{
	struct imap_lex x = lex(SPAN("5:3,*,10:*,1,4"));
	struct imap_set s;
	struct imap_set_print p = { .first = 0 };
	struct buf b;

	buf_init(&b, 4 * LIMIT_IMAP_COMMAND);
	ok(imap_set_parse(&x, &s) && s.count == 5, "a sequence set");
	imap_set_resolve(&s, 8);
	ok(imap_set_has(&s, 1) && !imap_set_has(&s, 2) && imap_set_has(&s, 3) && imap_set_has(&s, 5) &&
	   !imap_set_has(&s, 6) && imap_set_has(&s, 8) && imap_set_has(&s, 9) && imap_set_has(&s, 10) &&
	   !imap_set_has(&s, 11), "resolved");
	for (uint32_t n = 1; n < 12; n++)
		if (imap_set_has(&s, n))
			imap_set_add(&p, n, &b);
	imap_set_finish(&p, &b);
	is_text(buf_text(&b), "1,3:5,8:10", "printed");
	x = lex(SPAN("0"));
	ok(!imap_set_parse(&x, &s), "0 is no number");
	x = lex(SPAN("1:"));
	ok(!imap_set_parse(&x, &s), "nor is an open range");
	x = lex(SPAN("4294967296"));
	ok(!imap_set_parse(&x, &s), "nor 2^32");
	buf_clear(&b);
	put_times(&b, "1,", LIMIT_IMAP_RANGES - 1, "1");
	x = lex(buf_view(&b));
	ok(imap_set_parse(&x, &s) && s.count == LIMIT_IMAP_RANGES && x.rest.n == 0, "a set at LIMIT_IMAP_RANGES");
	buf_text_put(&b, ",1");
	x = lex(buf_view(&b));
	ok(!imap_set_parse(&x, &s), "over LIMIT_IMAP_RANGES");
	buf_free(&b);
}

static enum imap_search_result
search(const char *text, struct imap_search *s)
{
	struct imap_lex x = lex(span_of(text));

	return imap_search_parse(&x, s);
}

static enum imap_search_result
search_times(const char *text, size_t n, const char *end)
{
	enum imap_search_result result;
	struct imap_search s;
	struct buf b;

	buf_init(&b, 1 << 20);
	put_times(&b, text, n, end);
	result = search(buf_text(&b), &s);
	buf_free(&b);
	return result;
}

static void
test_search_limits(void)
{
	char close[LIMIT_IMAP_NESTING + 8] = "ALL";

	/* The innermost key is a level of its own, the whole of the command a node. */
	is_num(search_times("NOT ", LIMIT_IMAP_NESTING - 1, "ALL"), IMAP_SEARCH_OK, "keys at LIMIT_IMAP_NESTING levels");
	is_num(search_times("NOT ", LIMIT_IMAP_NESTING, "ALL"), IMAP_SEARCH_TOO_DEEP, "over LIMIT_IMAP_NESTING");
	memset(close + 3, ')', LIMIT_IMAP_NESTING - 1);
	is_num(search_times("(", LIMIT_IMAP_NESTING - 1, close), IMAP_SEARCH_OK, "parentheses at LIMIT_IMAP_NESTING levels");
	close[LIMIT_IMAP_NESTING + 2] = ')';
	is_num(search_times("(", LIMIT_IMAP_NESTING, close), IMAP_SEARCH_TOO_DEEP, "parentheses over LIMIT_IMAP_NESTING");
	is_num(search_times("HEADER a b ", LIMIT_IMAP_SEARCH_KEYS - 2, "ALL"), IMAP_SEARCH_OK, "keys at LIMIT_IMAP_SEARCH_KEYS");
	is_num(search_times("HEADER a b ", LIMIT_IMAP_SEARCH_KEYS - 1, "ALL"), IMAP_SEARCH_TOO_MANY, "I08 over LIMIT_IMAP_SEARCH_KEYS");
}

static void
test_search(void)
{
	static const char *const good[] = {
		"ALL", "1:3 UNSEEN", "OR FROM a (TO b CC c)", "NOT DELETED NOT (SEEN)", "CHARSET UTF-8 BODY {3}\r\nabc",
		"SINCE 1-Feb-1994 SENTON \"02-Mar-2000\"", "HEADER X-Y \"\"", "UID 1,5:*", "NEW OLD", "KEYWORD $x UNKEYWORD y",
		"LARGER 10 SMALLER 4294967296", "YOUNGER 10", "((((ALL))))"
	};
	static const char *const bad[] = {
		"", "NONSENSE", "OR ALL", "NOT", "(ALL", "ALL)", "SINCE 31-Feb-1994", "LARGER x", "FROM", "ALL  ALL", "1 :2"
	};
	struct imap_search s;
	struct buf b;

	for (size_t i = 0; i < PB_COUNT(good); i++)
		is_num(search(good[i], &s), IMAP_SEARCH_OK, good[i]);
	for (size_t i = 0; i < PB_COUNT(bad); i++)
		is_num(search(bad[i], &s), IMAP_SEARCH_BAD, bad[i]);
	ok(search("OR SEEN UNSEEN", &s) == IMAP_SEARCH_OK && s.nodes[0].kind == SEARCH_AND, "the root is an AND");
	is_num(s.nodes[s.nodes[0].first_child].kind, SEARCH_OR, "of one OR");
	buf_init(&b, 4 << 20);
	for (int i = 0; i < 100000; i++)
		buf_text_put(&b, "NOT ");
	is_num(search(buf_text(&b), &s), IMAP_SEARCH_TOO_DEEP, "I08 NOT NOT NOT ...");
	buf_clear(&b);
	for (int i = 0; i < 10000; i++)
		buf_text_put(&b, "OR (");
	is_num(search(buf_text(&b), &s), IMAP_SEARCH_TOO_DEEP, "I08 OR (OR (OR (...");
	buf_free(&b);
}

static bool
fetch(const char *text, struct imap_fetch *f)
{
	struct imap_lex x = lex(span_of(text));

	return imap_fetch_parse(&x, f) && imap_lex_end(&x);
}

static bool
fetch_times(const char *begin, const char *text, size_t n, const char *end)
{
	struct imap_fetch f;
	struct buf b;
	bool good;

	buf_init(&b, 1 << 20);
	buf_text_put(&b, begin);
	put_times(&b, text, n, end);
	good = fetch(buf_text(&b), &f);
	buf_free(&b);
	return good;
}

static void
test_fetch_limits(void)
{
	ok(fetch_times("BODY[1", ".1", LIMIT_IMAP_SECTION_DEPTH - 1, "]"), "a part at LIMIT_IMAP_SECTION_DEPTH");
	ok(!fetch_times("BODY[1", ".1", LIMIT_IMAP_SECTION_DEPTH, "]"), "over LIMIT_IMAP_SECTION_DEPTH");
	ok(fetch_times("(BODY[]", " BODY[]", LIMIT_IMAP_SECTIONS - 1, ")"), "sections at LIMIT_IMAP_SECTIONS");
	ok(!fetch_times("(BODY[]", " BODY[]", LIMIT_IMAP_SECTIONS, ")"), "over LIMIT_IMAP_SECTIONS");
	ok(fetch_times("BODY[HEADER.FIELDS (a", " a", LIMIT_IMAP_FIELDS - 1, ")]"), "fields at LIMIT_IMAP_FIELDS");
	ok(!fetch_times("BODY[HEADER.FIELDS (a", " a", LIMIT_IMAP_FIELDS, ")]"), "over LIMIT_IMAP_FIELDS");
}

static void
test_fetch(void)
{
	static const char *const bad[] = {
		"", "()", "BODY[", "BODY[0]", "BODY[1.]", "BODY[MIME]", "BODY[HEADER.FIELDS]", "BODY[HEADER.FIELDS ()]",
		"BODY[]<0>", "BODY[]<0.0>", "BODY[]<-1.5>", "(FLAGS", "FLAGS)", "BODY.PEEK", "FLAGS[]", "(FLAGS  UID)"
	};
	struct imap_fetch f;

	ok(fetch("FULL", &f) && (f.items & FETCH_BODY) && (f.items & FETCH_SIZE), "FULL");
	ok(fetch("(FLAGS BODY.PEEK[HEADER.FIELDS (Subject \"X y\")]<5.10> BODY[1.2.MIME] RFC822.TEXT)", &f), "sections");
	is_num(f.section_n, 3, "three of them");
	is_span(f.sections[0].name, "BODY[HEADER.FIELDS (Subject \"X y\")]<5>", "the name in the response");
	is_span(f.sections[1].name, "BODY[1.2.MIME]", "of a part");
	is_span(f.sections[2].name, "RFC822.TEXT", "of an old item");
	ok(f.sections[0].peek && !f.sections[1].peek && imap_fetch_sets_seen(&f), "PEEK");
	ok(fetch("BODY", &f) && f.items == FETCH_BODY && f.section_n == 0, "BODY without brackets");
	ok(fetch("body.peek[text]", &f) && f.sections[0].kind == SECTION_TEXT, "letter case");
	for (size_t i = 0; i < PB_COUNT(bad); i++)
		ok(!fetch(bad[i], &f), "refused: %s", bad[i]);
}

static void
test_flags_and_dates(void)
{
	struct imap_lex x = lex(SPAN("+FLAGS.SILENT (\\Seen $Key \\deleted)\r\n"));
	struct imap_store st;
	struct imap_append ap;
	struct imap_flags flags;
	unsigned items;
	struct buf b;

	ok(imap_store_parse(&x, &st) && st.silent && st.how == IMAP_STORE_ADD && st.flags.count == 1, "STORE");
	x = lex(SPAN("FLAGS \\Seen \\Draft\r\n"));
	ok(imap_store_parse(&x, &st) && st.flags.letters == ((1u << 18) | (1u << 3)), "flags without parentheses");
	x = lex(SPAN("FLAGS (\\Nonsense)\r\n"));
	ok(!imap_store_parse(&x, &st), "no such system flag");
	x = lex(SPAN(" \"a b\" (\\Seen) \" 5-Feb-2007 01:02:03 +0200\" {5}\r\n"));
	ok(imap_append_parse(&x, &ap) && ap.has_date && ap.date == 1170630123, "APPEND");
	is_span(ap.mailbox, "a b", "its mailbox");
	x = lex(SPAN(" a \"31-Feb-2007 01:02:03 +0200\" {5}\r\n"));
	ok(!imap_append_parse(&x, &ap), "a date that does not exist");
	x = lex(SPAN("(MESSAGES unseen)"));
	ok(imap_status_parse(&x, &items) && items == (STATUS_MESSAGES | STATUS_UNSEEN), "STATUS items");
	x = lex(SPAN("()"));
	ok(!imap_status_parse(&x, &items), "but not none");
	buf_init(&b, 4096);
	imap_date_time_print(1170630123, 120, &b);
	is_text(buf_text(&b), "\"05-Feb-2007 01:02:03 +0200\"", "an internal date");
	buf_clear(&b);
	buf_char(&b, '(');
	put_times(&b, "a ", LIMIT_IMAP_FLAGS - 1, "a)");
	x = lex(buf_view(&b));
	ok(imap_flags_parse(&x, false, &flags) && flags.count == LIMIT_IMAP_FLAGS, "keywords at LIMIT_IMAP_FLAGS");
	buf_cut(&b, b.n - 1);
	buf_text_put(&b, " a)");
	x = lex(buf_view(&b));
	ok(!imap_flags_parse(&x, false, &flags), "over LIMIT_IMAP_FLAGS");
	buf_free(&b);
}

static void
test_list(void)
{
	static const struct { const char *pattern, *name; bool match; } cases[] = {
		{ "*", "a/b", true }, { "%", "a/b", false }, { "%", "a", true }, { "", "", true }, { "", "a", false },
		{ "a/%", "a/b", true }, { "a/%", "a/b/c", false }, { "a/%/%", "a/b/c", true }, { "*c", "a/b/c", true },
		{ "%c", "a/c", false }, { "%b*", "ab/c", true }, { "a%b%c", "aXbYc", true }, { "a%", "a", true },
		{ "*%", "a/b/c", true }, { "*a%c", "x/a/b/ac", true }, { "%/%t*4", "x/test/4", true }, { "a*b", "ac", false }
	};
	struct buf p, n;

	for (size_t i = 0; i < PB_COUNT(cases); i++)
		ok(imap_list_match(span_of(cases[i].pattern), span_of(cases[i].name), '/') == cases[i].match,
		   "%s %s %s", cases[i].pattern, cases[i].match ? "matches" : "does not match", cases[i].name);
	buf_init(&p, 2000);
	buf_init(&n, 2000);
	for (int i = 0; i < 300; i++) {
		buf_text_put(&p, "*a%");
		buf_text_put(&n, "aaa");
	}
	buf_text_put(&p, "b");
	ok(!imap_list_match(buf_view(&p), buf_view(&n), '/'), "a pattern of many wildcards ends in time");
	buf_free(&p);
	buf_free(&n);
}

static void
structure_is(struct span text, bool extended, const char *want, const char *name)
{
	struct mime_tree t;
	struct buf b;

	buf_init(&b, 10000);
	mime_parse(text, &t);
	imap_print_structure(text, &t, extended, &b);
	mime_tree_free(&t);
	is_text(buf_text(&b), want, name);
	buf_free(&b);
}

static void
test_print(void)
{
	struct buf b;

	buf_init(&b, 10000);
	imap_print_envelope(SPAN("Subject: a\r\n b\"\r\nFrom: \"R \\\"x\" <u@d>\r\nTo: g: a@b;\r\nTo: c@d\r\nSender: \r\n\r\n"), &b);
	is_text(buf_text(&b), "(NIL \"a b\\\"\" ((\"R \\\"x\" NIL \"u\" \"d\")) ((\"R \\\"x\" NIL \"u\" \"d\")) "
		"((\"R \\\"x\" NIL \"u\" \"d\")) ((NIL NIL \"g\" NIL)(NIL NIL \"a\" \"b\")(NIL NIL NIL NIL)(NIL NIL \"c\" \"d\")) "
		"NIL NIL NIL NIL)", "an envelope");
	buf_clear(&b);
	imap_print_string(SPAN("a\0\xff"), &b);
	ok(span_eq(buf_view(&b), SPAN("{3}\r\na?\xff")), "a literal without NUL");
	buf_clear(&b);
	imap_print_astring(SPAN("nil"), &b);
	is_text(buf_text(&b), "\"nil\"", "a name that reads like NIL");
	buf_free(&b);
	structure_is(SPAN("\r\nx\r\n"), false, "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 3 1)", "no header");
	structure_is(SPAN("Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Disposition: inline; filename=x\n"
		"Content-Language: de, en\nContent-Type: image/png\nContent-Transfer-Encoding: base64\n\nAA==\n--a\n"
		"Content-Type: message/rfc822\n\nSubject: i\n\nb\n\n--a--\n"), true,
		"((\"image\" \"png\" NIL NIL NIL \"base64\" 4 NIL (\"inline\" (\"filename\" \"x\")) (\"de\" \"en\") NIL)"
		"(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 17 (NIL \"i\" NIL NIL NIL NIL NIL NIL NIL NIL) "
		"(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 3 1 NIL NIL NIL NIL) 3 NIL NIL NIL NIL)"
		" \"mixed\" (\"boundary\" \"a\") NIL NIL NIL)", "a multipart with a message inside");
	structure_is(SPAN("Content-Type: multipart/mixed; boundary=a\n\nno part\n"), false,
		"((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 0 0) \"mixed\")", "a multipart without parts");
}

static void
test_summary(void)
{
	struct imap_summary s;
	struct buf b;

	buf_init(&b, LIMIT_IMAP_SUMMARY + 1000);
	ok(imap_summary_make(SPAN("Date: Thu, 15 Feb 2007 01:02:03 -0200\nX: y\nFrom: a@b\n\nx"), &b), "a summary");
	ok(imap_summary_read(buf_view(&b), &s), "read back");
	ok(s.has_sent && s.sent_zone == -120 && s.sent == 1171508523, "the date");
	is_span(s.fields, "Date: Thu, 15 Feb 2007 01:02:03 -0200\r\nFrom: a@b\r\n", "the fields kept");
	for (size_t n = 0; n < b.n; n++)
		if (imap_summary_read(span_first(buf_view(&b), n), &s))
			break;
		else if (n + 1 == b.n)
			ok(true, "no shorter one is read");
	buf_free(&b);
}

int
main(void)
{
	arena = imap_lex_arena();
	test_literals();
	test_strings();
	test_command();
	test_sets();
	test_search();
	test_search_limits();
	test_fetch();
	test_fetch_limits();
	test_flags_and_dates();
	test_list();
	test_print();
	test_summary();
	arena_free(&arena);
	return done();
}
