/*
 * The text of a message: only CR LF . CR LF ends it, however it is cut into
 * pieces (S02, S04), and what goes out comes in again byte for byte.
 */
#include "base/base.h"
#include "base/mem.h"
#include "smtp/data.h"
#include "base/limits.h"
#include "tap.h"

struct got {
	struct buf text;
	size_t used;
	unsigned flaws;
	bool done;
};

/* Feed `in` in pieces of `piece` bytes, each from a heap block of its size. */
static struct got
unstuff(struct span in, size_t piece, size_t max_line, bool normalize)
{
	struct smtp_data d;
	struct got g = { .used = 0 };

	buf_init(&g.text, 10000000);
	smtp_data_begin(&d, max_line, normalize);
	while (g.used < in.n && !d.done) {
		struct span part = span_first(span_from(in, g.used), piece);
		char *copy = mem_copy(part);
		char *out = mem_resize(NULL, normalize ? 2 * part.n + 2 : part.n + 1);
		char *exact = mem_resize(NULL, part.n);
		size_t n;

		memcpy(exact, copy, part.n);
		g.used += smtp_data_feed(&d, exact, part.n, out, &n);
		buf_put(&g.text, out, n);
		free(copy);
		free(out);
		free(exact);
	}
	g.flaws = d.flaws;
	g.done = d.done;
	return g;
}

static void
test_end(void)
{
	static const struct { const char *text; size_t n; bool done; unsigned flaws; } ends[] = {
#define END(text, done, flaws) { text, sizeof(text) - 1, done, flaws }
		END("x\r\n.\r\n", true, 0), END(".\r\n", true, 0), END("\r\n.\r\n", true, 0),
		END("x\n.\r\n", false, SMTP_FLAW_BARE_LF), END("x\r\n.\n", false, SMTP_FLAW_BARE_LF),
		END("x\n.\n", false, SMTP_FLAW_BARE_LF), END("x\r.\r", false, SMTP_FLAW_BARE_CR),
		END("x\r\n.\rz", false, SMTP_FLAW_BARE_CR), END("x\r.\r\n", false, SMTP_FLAW_BARE_CR),
		END("x\r\n\0.\r\n", false, SMTP_FLAW_NUL), END("x\r\n.\0\r\n", false, SMTP_FLAW_NUL),
		END("x\r\r\n.\r\r\n", false, SMTP_FLAW_BARE_CR), END("x\r\n.\r\r\n", false, SMTP_FLAW_BARE_CR),
		END("x\n.\r\n\r\n.\r\n", true, SMTP_FLAW_BARE_LF),
#undef END
	};

	for (size_t i = 0; i < PB_COUNT(ends); i++) {
		struct span in = span_make(ends[i].text, ends[i].n);

		for (size_t piece = 1; piece <= in.n; piece++) {
			struct got g = unstuff(in, piece, 0, false);

			ok(g.done == ends[i].done && g.flaws == ends[i].flaws, "end form %zu in pieces of %zu", i, piece);
			buf_free(&g.text);
		}
	}
}

static void
test_smuggling(void)
{
	/* S01 in one segment: the smuggled commands are text of a message that is refused. */
	static const char text[] = "Subject: a\r\n\r\nx\n.\nMAIL FROM:<evil@x>\r\nRCPT TO:<u@local>\r\nDATA\r\n"
				   "From: ceo@x\r\n\r\ny\r\n.\r\nQUIT\r\n";
	struct got g = unstuff(span_of(text), sizeof(text), 0, false);

	ok(g.done && (g.flaws & SMTP_FLAW_BARE_LF) != 0, "the true end is found and the flaw is known");
	is_num(g.used, sizeof(text) - 1 - 6, "what follows the true end is left");
	buf_free(&g.text);
	g = unstuff(span_of(text), 7, 0, true);
	ok(g.done && g.flaws == 0 && span_search(buf_view(&g.text), SPAN("x\r\n.\r\nMAIL FROM")) > 0,
	   "normalized, it is all text of one message");
	buf_free(&g.text);
}

static void
test_dots(void)
{
	for (size_t n = 1; n <= 8192; n += n < 70 ? 1 : 509) {
		struct buf plain, wire;
		struct smtp_stuff s;
		struct got g;

		buf_init(&plain, 20000);
		buf_init(&wire, 50000);
		for (size_t i = 0; i < n; i++)
			buf_char(&plain, 'x');
		buf_text_put(&plain, "\r\n.\r\n..\r\n.x\r\nx.\r\n");
		smtp_stuff_begin(&s);
		for (size_t i = 0; i < plain.n; i += 17)
			smtp_stuff_feed(&s, span_first(span_from(buf_view(&plain), i), 17), &wire);
		smtp_stuff_end(&s, &wire);
		g = unstuff(buf_view(&wire), n, 0, false);
		ok(g.done && g.flaws == 0 && span_eq(buf_view(&g.text), buf_view(&plain)), "round trip with %zu bytes first", n);
		buf_free(&g.text);
		buf_free(&plain);
		buf_free(&wire);
	}
}

static void
stuffed(struct span in, const char *want, const char *name)
{
	for (size_t piece = 1; piece <= in.n; piece++) {
		struct smtp_stuff s;
		struct buf out;

		buf_init(&out, 1000);
		smtp_stuff_begin(&s);
		for (size_t i = 0; i < in.n; i += piece)
			smtp_stuff_feed(&s, span_first(span_from(in, i), piece), &out);
		smtp_stuff_end(&s, &out);
		is_span(buf_view(&out), want, name);
		buf_free(&out);
	}
}

static void
test_stuff(void)
{
	stuffed(SPAN("a\r\n.b"), "a\r\n..b\r\n.\r\n", "the last line is completed");
	stuffed(SPAN("a\n.\nb"), "a\r\n..\r\nb\r\n.\r\n", "bare LF goes out as CRLF (S03)");
	stuffed(SPAN("a\r.\rb\r"), "a\r\n..\r\nb\r\n.\r\n", "bare CR goes out as CRLF");
	stuffed(SPAN("a\r\r\n\n"), "a\r\n\r\n\r\n.\r\n", "each counts once");
}

static void
test_lines(void)
{
	struct buf text;
	struct got g;

	buf_init(&text, 1100);
	for (size_t i = 0; i < 998; i++)
		buf_char(&text, 'x');
	buf_text_put(&text, "\r\n.\r\n");
	g = unstuff(buf_view(&text), 100, 1000, false);
	ok(g.flaws == 0 && g.done, "a line as long as max_line");
	buf_free(&g.text);
	g = unstuff(buf_view(&text), 100, 999, false);
	ok(g.flaws == SMTP_FLAW_LONG_LINE && g.done, "one byte more is a flaw");
	buf_free(&g.text);
	buf_free(&text);
}

/* What is wrong with a line of n bytes, CRLF counted. */
static unsigned
flaws_of_line(size_t n, size_t max_line)
{
	struct buf text;
	struct got g;

	buf_init(&text, n + 100);
	for (size_t i = 2; i < n; i++)
		buf_char(&text, 'x');
	buf_text_put(&text, "\r\n.\r\n");
	g = unstuff(buf_view(&text), 60000, max_line, false);
	ok(g.done, "a line of %zu bytes comes to its end", n);
	buf_free(&g.text);
	buf_free(&text);
	return g.flaws;
}

static void
test_limit(void)
{
	is_num(flaws_of_line(LIMIT_DATA_LINE, 0), 0, "a line at LIMIT_DATA_LINE");
	is_num(flaws_of_line(LIMIT_DATA_LINE + 1, 0), SMTP_FLAW_LONG_LINE, "over LIMIT_DATA_LINE");
	is_num(flaws_of_line(LIMIT_DATA_LINE + 1, 2 * LIMIT_DATA_LINE), SMTP_FLAW_LONG_LINE, "which no caller can raise");
}

int
main(void)
{
	test_end();
	test_smuggling();
	test_dots();
	test_stuff();
	test_lines();
	test_limit();
	return done();
}
