/* DKIM-03: what a DKIM signature is made over: RFC 6376 3.4 and 3.5, hostile messages. */
#include "base/base.h"
#include "mail/dkim.h"

#include "base/limits.h"
#include "base/mem.h"
#include "tap.h"

static void
take(void *ctx, struct span canonical)
{
	struct buf *out = ctx;

	buf_span(out, canonical);
}

/* The canonical body, fed `step` bytes at a time; the header in d. */
static bool
read_all(struct dkim *d, struct span message, size_t step, struct buf *body)
{
	dkim_begin(d, take, body);
	for (; message.n > 0; message = span_from(message, step))
		dkim_feed(d, span_first(message, step));
	return dkim_end(d);
}

static void
body_is(const char *message, const char *want, const char *name)
{
	for (size_t step = 1; step <= 64; step += 63) {
		struct buf body;
		struct dkim d;

		buf_init(&body, 1 << 16);
		ok(read_all(&d, span_of(message), step, &body), "%s: read", name);
		is_span(buf_view(&body), want, name);
		dkim_free(&d);
		buf_free(&body);
	}
}

static void
bodies(void)
{
	body_is("A: X\r\nB : Y\t\r\n\tZ  \r\n\r\n C \r\nD \t E\r\n\r\n\r\n", " C\r\nD E\r\n", "the example of RFC 6376 3.4.5");
	body_is("A: b\r\n\r\n", "", "an empty body");
	body_is("A: b\r\n\r\n\r\n\r\n", "", "one of empty lines");
	body_is("A: b\r\n\r\n \t\r\n", "", "and of blanks");
	body_is("A: b\r\n\r\nx", "x\r\n", "a last line without an end");
	body_is("A: b\r\n\r\nx\r\n\r\n \r\ny\r\n", "x\r\n\r\n\r\ny\r\n", "empty lines between");
	body_is("A: b\n\nx\ny\rz\n", "x\r\ny\r\nz\r\n", "a bare LF and a bare CR are sent as CRLF");
	body_is("A: b\r\n\r\nx\r\r\ny", "x\r\n\r\ny\r\n", "each by itself");
	body_is("A: b", "", "no body at all");
	body_is("", "", "nothing at all");
}

static bool
sign(const char *message, struct buf *field, struct buf *input)
{
	static const struct dkim_signature s = { .domain = SPAN("example.com"), .selector = SPAN("sel"),
		.algorithm = "rsa-sha256", .body_hash = SPAN("aGFzaA=="), .time = 1796122972 };
	struct buf body;
	struct dkim d;
	bool good;

	buf_init(&body, 1 << 16);
	buf_clear(field);
	buf_clear(input);
	good = read_all(&d, span_of(message), 7, &body) && dkim_field(&d, &s, field, input);
	dkim_free(&d);
	buf_free(&body);
	return good;
}

static void
fields(struct buf *field, struct buf *input)
{
	ok(sign("Received: x\r\nFROM : a@b\r\nSubject: one\r\n\t two  \r\nReferences: 1\r\n\r\nx", field, input), "a message is signed");
	ok(span_starts(buf_view(input), SPAN("from:a@b\r\nsubject:one two\r\nreferences:1\r\ndkim-signature:v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=sel; t=1796122972; h=From:From:To:")),
		"fields in relaxed form, each behind the other");
	ok(span_search(buf_view(input), SPAN("References:References;")) > 0, "what is there is sealed");
	ok(span_search(buf_view(input), SPAN("Sender")) < 0, "what lists may add is not");
	ok(span_search(buf_view(input), SPAN("Reply-To:")) > 0, "what nobody may add is");
	ok(span_ends_nocase(buf_view(input), SPAN("; bh=aGFzaA==; b=")), "the signature itself without its value and line end");
	dkim_field_end(field, SPAN("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZg=="));
	ok(span_ends_nocase(buf_view(field), SPAN("==\r\n")), "the value ends it");
	for (struct span rest = buf_view(field); rest.n > 0;)
		ok(span_cut(&rest, '\n').n <= 79, "no line is long");
	ok(sign("From: a@b\r\nTo: 1\r\nTo: 2\r\n\r\n", field, input) && span_search(buf_view(input), SPAN("to:2\r\nto:1\r\n")) > 0,
		"of several the last first");
	ok(span_search(buf_view(input), SPAN("h=From:From:To:To:To:Cc:")) > 0, "and sealed");
}

static void
hostile(struct buf *field, struct buf *input)
{
	char many[4096] = "From: a@b\r\n";

	ok(!sign("To: a@b\r\n\r\nx", field, input), "without From there is no signature");
	ok(!sign("From: a@b\r\nfrom: c@d\r\n\r\nx", field, input), "nor with two of them");
	ok(!sign("", field, input), "nor of nothing");
	ok(sign("no field\r\n: empty\r\n\tfrom: x\r\nFrom: a@b\r\n\r\n", field, input) && span_starts(buf_view(input), SPAN("from:a@b\r\n")),
		"lines that are no fields are none");
	ok(sign("From: a\rTo: x\r\n\r\n", field, input) && span_starts(buf_view(input), SPAN("from:a\r\nto:x\r\n")),
		"a bare CR in a field ends it, as it will on its way");
	for (int i = 0; i < 40; i++)
		snprintf(many + strlen(many), sizeof(many) - strlen(many), "Cc: %d\r\n", i);
	ok(sign(many, field, input) && span_search(buf_view(input), SPAN("cc:39\r\ncc:38\r\n")) > 0 &&
		span_search(buf_view(input), SPAN("cc:23\r\n")) < 0, "of too many the last are signed");
}

static void
long_header(void)
{
	size_t n = 2 * LIMIT_HEADER_BYTES + 2;
	char *text = mem_new(n);
	struct buf body;
	struct dkim d;

	memset(text, 'x', n);
	memcpy(text, "From: a@b\r\n", 11);
	buf_init(&body, 64);
	ok(read_all(&d, span_make(text, n - 10), 4096, &body), "a very long header is read");
	dkim_free(&d);
	ok(!read_all(&d, span_make(text, n), 4096, &body), "one that is too long is not signed");
	dkim_free(&d);
	buf_free(&body);
	free(text);
}

int
main(void)
{
	struct buf field, input;

	buf_init(&field, 1 << 16);
	buf_init(&input, 1 << 16);
	bodies();
	fields(&field, &input);
	hostile(&field, &input);
	long_header();
	buf_free(&field);
	buf_free(&input);
	return done();
}
