/*
 * Reading settings files: lenient about form, strict about danger.
 */
/* Features: TOOL-01. */
#include "base/base.h"
#include "tap.h"
#include "base/limits.h"
#include "base/mem.h"
#include "config/xml.h"

static struct xml *
parse(const char *text, struct xml_error *err)
{
	/* an exact-size copy, so that reading behind it is seen by the sanitizers */
	size_t n = strlen(text);
	char *copy = mem_new(n == 0 ? 1 : n);
	struct xml *x;

	memcpy(copy, text, n);
	x = xml_parse(span_make(copy, n), err);
	free(copy);
	return x;
}

static void
refused(const char *text, const char *part, int line, const char *name)
{
	struct xml_error err = { 0, "" };
	struct xml *x = parse(text, &err);

	ok(x == NULL && strstr(err.text, part) != NULL && (line == 0 || err.line == line),
		"%s is refused (%d: %s)", name, err.line, err.text);
	xml_free(&x);
}

static void
put_nested(struct buf *b, int depth)
{
	for (int i = 0; i < depth; i++)
		buf_text_put(b, "<a>");
	for (int i = 0; i < depth; i++)
		buf_text_put(b, "</a>");
}

static void
test_danger(void)
{
	struct xml_error err;
	struct buf deep;
	struct xml *x;

	refused("<?xml version=\"1.0\"?>\n<!DOCTYPE a [<!ENTITY l \"lol\"><!ENTITY m \"&l;&l;\">]>\n<a>&m;</a>",
		"DTD not allowed", 2, "an entity bomb");
	refused("<!DOCTYPE a SYSTEM \"http://127.0.0.1:1/x.dtd\"><a/>", "DTD not allowed", 1, "an external DTD");
	refused("<!DOCTYPE a [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><a>&e;</a>", "DTD not allowed", 1,
		"an external entity");
	refused("<!DOCTYPE a [<!ENTITY % p SYSTEM \"file:///etc/passwd\">%p;]><a/>", "DTD not allowed", 1,
		"a parameter entity");
	refused("<a>\n<b>\n</a>", "not well formed", 3, "an element that is not closed");
	refused("<a>&undefined;</a>", "not well formed", 1, "an entity that nobody declared");
	refused("", "not well formed", 0, "an empty file");
	refused("\x1f\x8b\x08", "not well formed", 0, "a gzip file");
	refused("<a>\xff\xfe</a>", "not well formed", 1, "text that is not UTF-8");
	x = xml_parse(span_make("<\0a\0/\0>\0", 8), &err);
	ok(x == NULL, "UTF-16 is refused: %s", err.text);

	buf_init(&deep, 4000000);
	put_nested(&deep, LIMIT_XML_DEPTH);
	x = xml_parse(buf_view(&deep), &err);
	ok(x != NULL, "elements at LIMIT_XML_DEPTH %s", err.text);
	xml_free(&x);
	buf_clear(&deep);
	put_nested(&deep, LIMIT_XML_DEPTH + 1);
	refused(buf_text(&deep), "nested deeper", 0, "over LIMIT_XML_DEPTH");
	buf_clear(&deep);
	for (int i = 0; i < 200000; i++)
		buf_text_put(&deep, "<a>");
	refused(buf_text(&deep), "", 0, "nesting of 200,000");
	buf_free(&deep);
}

/* A document of n bytes, in lines of text that are no longer than libxml2 takes. */
static bool
size_is_taken(size_t n, struct xml_error *err)
{
	char *text = mem_new(n);
	struct xml *x;

	memset(text, ' ', n);
	memcpy(text, "<a>", 3);
	for (size_t at = 1 << 20; at + 100 < n; at += 1 << 20)
		memcpy(text + at, "<b/>", 4);
	memcpy(text + n - 4, "</a>", 4);
	*err = (struct xml_error){ .line = 0 };
	x = xml_parse(span_make(text, n), err);
	free(text);
	xml_free(&x);
	return err->text[0] == '\0';
}

static void
test_size(void)
{
	struct xml_error err;

	ok(size_is_taken(LIMIT_XML, &err), "a file at LIMIT_XML %s", err.text);
	ok(!size_is_taken(LIMIT_XML + 1, &err) && strstr(err.text, "too large") != NULL, "over LIMIT_XML: %s", err.text);
}

static bool
writes(const struct xml *x, const char *want)
{
	struct buf out;
	bool same;

	buf_init(&out, 100000);
	same = xml_write(x, &out) && strcmp(buf_text(&out), want) == 0;
	if (!same)
		printf("# wrote: %s\n", buf_text(&out));
	buf_free(&out);
	return same;
}

static void
test_keeping(void)
{
	static const char windows[] = "\xef\xbb\xbf<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n"
		"<mailConfig>\r\n  <!-- a comment -->\r\n  <SysAdminUserName>admin</SysAdminUserName>\r\n"
		"  <unknownThing a=\"1\">\r\n    <x/>\r\n  </unknownThing>\r\n</mailConfig>\r\n";
	struct xml_error err;
	struct xml *x = parse(windows, &err);
	struct xml_node *n;
	struct buf text;

	ok(x != NULL, "BOM, CRLF and comments are read");
	n = xml_at(xml_root(x), SPAN("sysadminusername"));
	ok(n != NULL && xml_line(n) == 4, "an element is found in any letter case, with its line");
	buf_init(&text, 100);
	ok(xml_text(n, &text), "its text fits");
	is_text(buf_text(&text), "admin", "and is read");
	buf_free(&text);
	ok(writes(x, windows), "rewriting without a change gives the same bytes");
	xml_set_text(n, SPAN("root & <co>"));
	n = xml_make(xml_root(x), SPAN("greylisting/blockPeriod"));
	xml_set_text(n, SPAN("5"));
	ok(writes(x, "\xef\xbb\xbf<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n"
		"<mailConfig>\r\n  <!-- a comment -->\r\n  <SysAdminUserName>root &amp; &lt;co&gt;</SysAdminUserName>\r\n"
		"  <unknownThing a=\"1\">\r\n    <x/>\r\n  </unknownThing>\r\n"
		"  <greylisting>\r\n    <blockPeriod>5</blockPeriod>\r\n  </greylisting>\r\n</mailConfig>\r\n"),
		"a change touches nothing else and is indented as its brothers");
	xml_remove(xml_at(xml_root(x), SPAN("greylisting")));
	xml_free(&x);
}

static void
test_switch(void)
{
	struct xml_error err;
	struct xml *x = parse("<a><b enabled=\"TRUE\"/><c enabled=\"0\"/><d/><e Enabled=\"maybe\"/></a>", &err);
	struct xml_node *root = xml_root(x);

	is_num(xml_enabled(xml_at(root, SPAN("b"))), 1, "a switch that is on");
	is_num(xml_enabled(xml_at(root, SPAN("c"))), 0, "a switch that is off");
	is_num(xml_enabled(xml_at(root, SPAN("d"))), -1, "no switch");
	is_num(xml_enabled(xml_at(root, SPAN("e"))), -2, "a switch that is neither");
	xml_set_enabled(xml_at(root, SPAN("e")), true);
	is_num(xml_enabled(xml_at(root, SPAN("e"))), 1, "a switch is set in the spelling it has");
	xml_free(&x);
}

int
main(void)
{
	test_danger();
	test_size();
	test_keeping();
	test_switch();
	return done();
}
