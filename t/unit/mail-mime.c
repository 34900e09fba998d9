/* The MIME tree: shapes, offsets, caps (cases M01, M02, M03, M12). */
#include "base/base.h"
#include "base/buf.h"
#include "base/limits.h"
#include "mail/mime.h"
#include "mail/mime_param.h"
#include "tap.h"

#include <sys/resource.h>

static struct span
part_body(struct span text, const struct mime_part *p)
{
	return span_make(text.p + p->body.start, p->body.end - p->body.start);
}

static const struct mime_part *
find(const struct mime_tree *t, uint32_t a, uint32_t b, size_t n)
{
	uint32_t numbers[2] = { a, b };
	uint32_t at = mime_find(t, numbers, n);

	return at == MIME_NO_PART ? NULL : &t->parts[at];
}

static void
test_nested(void)
{
	struct span text = SPAN(
		"Content-Type: multipart/mixed; boundary=\"foo\n bar\"\r\n\r\n"
		"prologue\r\n"
		"--foo bar\r\n\r\nhello\r\nyou\n\r\n"
		"--foo bar  \r\nContent-Type: message/rfc822\r\n\r\n"
		"Subject: in\r\nContent-Type: multipart/alternative; boundary=foo\r\n\r\n"
		"--foo\r\n\r\nA\r\n--foo\r\n\r\nB\r\n--foo--\r\nepilogue\r\n"
		"--foo bar--\r\nend\r\n");
	struct mime_tree t;
	const struct mime_part *p;

	mime_parse(text, &t);
	is_num(t.count, 6, "six parts");
	is_num(t.parts[0].kind, MIME_MULTIPART, "the message is multipart");
	is_num(t.parts[0].children, 2, "with two parts");
	p = find(&t, 1, 0, 1);
	is_span(part_body(text, p), "hello\r\nyou\n", "part 1, without the line end before the boundary");
	is_num(p->body.lines, 2, "lines of part 1");
	is_num(mime_wire_size(p->body), 12, "a bare LF counts as CRLF");
	p = find(&t, 2, 0, 1);
	is_num(p->kind, MIME_MESSAGE, "part 2 is a message");
	is_span(part_body(text, find(&t, 2, 2, 2)), "B", "part 2.2: a boundary that is a prefix of another");
	ok(find(&t, 3, 0, 1) == NULL && find(&t, 1, 1, 2) == NULL && find(&t, 0, 0, 1) == NULL, "parts that are not there");
	mime_tree_free(&t);
}

static void
test_simple(void)
{
	struct span text = SPAN("A: b\n\nbody");
	struct mime_tree t;

	mime_parse(text, &t);
	is_num(t.count, 1, "one part");
	is_num(t.parts[0].header.end, 6, "header with its empty line");
	is_num(t.parts[0].header.bare_lf, 2, "bare LFs of the header");
	is_span(part_body(text, find(&t, 1, 0, 1)), "body", "part 1 of a simple message is its body");
	mime_tree_free(&t);
	mime_parse(SPAN_NONE, &t);
	is_num(t.count, 1, "an empty message has one part");
	mime_tree_free(&t);
	mime_parse(SPAN("Content-Type: multipart/mixed\n\n--\n--x\n"), &t);
	is_num(t.parts[0].kind, MIME_LEAF, "a multipart without boundary is a leaf");
	mime_tree_free(&t);
	mime_parse(SPAN("Content-Type: multipart/digest; boundary=a\n\n--a\n\nSubject: x\n\nb\n--a--"), &t);
	is_num(t.parts[1].kind, MIME_MESSAGE, "parts of a digest are messages");
	mime_tree_free(&t);
	mime_parse(SPAN("Content-Type: multipart/mixed; boundary=a\nContent-Type: text/plain\n\n--a\nX: y\n--a--"), &t);
	is_num(t.parts[0].children, 1, "M12: of two Content-Type fields the first counts");
	is_num(t.parts[1].body.end - t.parts[1].body.start, 0, "a header ended by a boundary has an empty body");
	mime_tree_free(&t);
}

static void
timed(const struct buf *b, uint64_t limit_ms, struct mime_tree *t, const char *name)
{
	uint64_t start = tap_cpu_ms();

	mime_parse(buf_view(b), t);
	ok(tap_cpu_ms() - start < limit_ms, "%s: %zu bytes in %d ms", name, b->n, (int)(tap_cpu_ms() - start));
}

static void
test_deep(void)
{
	struct buf b;
	struct mime_tree t;

	buf_init(&b, 64 << 20);
	for (int i = 0; i < 10000; i++)
		buf_printf(&b, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i);
	timed(&b, 20000, &t, "M01 nested multiparts");
	ok(t.truncated && t.count == LIMIT_MIME_DEPTH, "are read as deep as may be");
	mime_tree_free(&t);
	buf_clear(&b);
	for (int i = 0; i < 10000; i++)
		buf_text_put(&b, "Content-Type: message/rfc822\r\n\r\n");
	timed(&b, 20000, &t, "M01 nested messages");
	ok(t.truncated && t.count == LIMIT_MIME_DEPTH, "are read as deep as may be");
	mime_tree_free(&t);
	buf_free(&b);
}

/* A text inside n - 1 containers, multiparts or messages: true when all are parts. */
static bool
is_read_to(size_t n, bool multipart)
{
	struct mime_tree t;
	struct buf b;
	bool whole;

	buf_init(&b, 1 << 20);
	for (size_t i = 1; i < n; i++)
		if (multipart)
			buf_printf(&b, "Content-Type: multipart/mixed; boundary=b%zu\r\n\r\n--b%zu\r\n", i, i);
		else
			buf_text_put(&b, "Content-Type: message/rfc822\r\n\r\n");
	buf_text_put(&b, "\r\nx\r\n");
	mime_parse(buf_view(&b), &t);
	whole = t.count == n && !t.truncated;
	ok(whole || (t.truncated && t.count == LIMIT_MIME_DEPTH), "%zu levels are %s", n, whole ? "read" : "too many");
	mime_tree_free(&t);
	buf_free(&b);
	return whole;
}

static void
test_depth(void)
{
	ok(is_read_to(LIMIT_MIME_DEPTH, true), "multiparts at LIMIT_MIME_DEPTH");
	ok(!is_read_to(LIMIT_MIME_DEPTH + 1, true), "over LIMIT_MIME_DEPTH");
	ok(is_read_to(LIMIT_MIME_DEPTH, false), "messages at LIMIT_MIME_DEPTH");
	ok(!is_read_to(LIMIT_MIME_DEPTH + 1, false), "over LIMIT_MIME_DEPTH");
}

/* How many parts a message with n in all is read as. */
static size_t
parts_of(size_t n, bool *truncated)
{
	struct mime_tree t;
	struct buf b;
	size_t count;

	buf_init(&b, 1 << 20);
	buf_text_put(&b, "Content-Type: multipart/mixed; boundary=b\r\n\r\n");
	for (size_t i = 1; i < n; i++)
		buf_text_put(&b, "--b\r\n\r\nx\r\n");
	mime_parse(buf_view(&b), &t);
	*truncated = t.truncated;
	count = t.count;
	mime_tree_free(&t);
	buf_free(&b);
	return count;
}

static void
test_part_limits(void)
{
	bool truncated;

	is_num(parts_of(LIMIT_MIME_PARTS, &truncated), LIMIT_MIME_PARTS, "parts at LIMIT_MIME_PARTS");
	ok(!truncated, "are all there are");
	is_num(parts_of(LIMIT_MIME_PARTS + 1, &truncated), LIMIT_MIME_PARTS, "the part over LIMIT_MIME_PARTS is none");
	ok(truncated, "and the tree says so");
}

static void
test_many(void)
{
	struct buf b;
	struct mime_tree t;

	buf_init(&b, 64 << 20);
	buf_text_put(&b, "Content-Type: multipart/mixed; boundary=b\r\n\r\n");
	for (int i = 0; i < 1000000; i++)
		buf_text_put(&b, "--b\r\n\r\nx\r\n");
	timed(&b, 40000, &t, "M02 a million parts");
	ok(t.truncated && t.count == LIMIT_MIME_PARTS, "are cut");
	mime_tree_free(&t);
	buf_clear(&b);
	for (int i = 0; i < 90; i++)
		buf_text_put(&b, "Content-Type: multipart/mixed; boundary=same\r\n\r\n--same\r\n");
	for (int i = 0; i < 1000000; i++)
		buf_text_put(&b, "--samf\r\n");
	timed(&b, 40000, &t, "M02 equal boundaries nested");
	mime_tree_free(&t);
	buf_free(&b);
}

static void
test_params(void)
{
	struct arena *a = arena_new(1 << 20);
	struct mime_value v;
	struct buf b;
	uint64_t start = tap_cpu_ms();

	ok(mime_value_parse(SPAN("Text/(c)Plain ; charset=\"a\\\"b\"; name*0*=utf-8''%c3%a9; name*1=\" x\"; n=1; N=2"), a, &v), "a Content-Type");
	is_span(v.subtype, "Plain", "subtype behind a comment");
	is_span(mime_value_param(&v, "CHARSET"), "a\"b", "a quoted parameter");
	is_span(mime_value_param(&v, "name"), "\xc3\xa9 x", "RFC 2231 sections joined");
	is_span(mime_value_param(&v, "n"), "1", "of two parameters with one name the first counts");
	ok(mime_value_parse(SPAN("attachment; filename*=iso-8859-1'en'%E9%zz"), a, &v), "an extended value");
	is_span(mime_value_param(&v, "filename"), "\xc3\xa9%zz", "in UTF-8, bad escapes left");
	ok(!mime_value_parse(SPAN("=x"), a, &v), "no token, no value");
	buf_init(&b, 16 << 20);
	buf_text_put(&b, "text/plain");
	for (int i = 0; i < 100000; i++)
		buf_text_put(&b, "; a*0=x; a*1=y; a*5*=z");
	start = tap_cpu_ms();
	ok(mime_value_parse(buf_view(&b), a, &v) && v.count <= LIMIT_MIME_PARAMS, "M03: sections without end");
	is_span(mime_value_param(&v, "a"), "xy", "sections up to the gap");
	ok(tap_cpu_ms() - start < 5000, "M03 in time");
	buf_clear(&b);
	buf_text_put(&b, "text/plain; name=x\"");
	for (int i = 0; i < 100000; i++)
		buf_char(&b, '(');
	start = tap_cpu_ms();
	ok(mime_value_parse(buf_view(&b), a, &v), "M04 open comments");
	ok(mime_value_parse(SPAN("a/b; c=\"\\"), a, &v), "M04 a quoted string that ends in a backslash");
	ok(mime_value_parse(SPAN("a/b (\\"), a, &v), "M04 a comment that ends in a backslash");
	ok(tap_cpu_ms() - start < 500, "M04 in time");
	buf_free(&b);
	arena_free(&a);
}

static void
test_number_of_params(void)
{
	struct arena *a = arena_new(1 << 20);
	struct mime_value v;
	struct buf b;

	buf_init(&b, 10000);
	buf_text_put(&b, "text/plain");
	for (int i = 1; i <= LIMIT_MIME_PARAMS; i++)
		buf_printf(&b, "; p%d=x", i);
	buf_text_put(&b, "; last=y");
	ok(mime_value_parse(buf_view(&b), a, &v) && v.count == LIMIT_MIME_PARAMS &&
		span_is(v.params[LIMIT_MIME_PARAMS - 1].value, "x"), "parameters at LIMIT_MIME_PARAMS are read");
	ok(mime_value_param(&v, "last").p == NULL, "the one over LIMIT_MIME_PARAMS is not");
	buf_free(&b);
	arena_free(&a);
}

int
main(void)
{
	struct rlimit small = { 256 << 10, 256 << 10 };

	setrlimit(RLIMIT_STACK, &small);
	test_nested();
	test_simple();
	test_deep();
	test_depth();
	test_many();
	test_part_limits();
	test_params();
	test_number_of_params();
	return done();
}
