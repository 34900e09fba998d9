/* Trace fields have the syntax of RFC 5321 4.4 whatever the client says; headers are read within limits. */
#include "base/base.h"
#include "mail/trace.h"
#include "exact.h"
#include "tap.h"

static struct trace_received
example(void)
{
	return (struct trace_received){
		.helo = SPAN("client.example"), .ip = SPAN("192.0.2.1"), .by = SPAN("mx.example"),
		.with = SPAN("ESMTPS"), .tls = SPAN("TLSv1.3 cipher X"), .id = SPAN("42"),
		.recipient = SPAN("u@example"), .date = 1795302725, .zone = 60,
	};
}

static void
test_received(void)
{
	struct trace_received r = example();
	struct buf out;

	buf_init(&out, 4096);
	trace_return_path(SPAN("a@b"), &out);
	trace_return_path(SPAN(""), &out);
	is_span(buf_view(&out), "Return-Path: <a@b>\r\nReturn-Path: <>\r\n", "Return-Path");
	buf_clear(&out);
	trace_received(&r, &out);
	is_span(buf_view(&out), "Received: from client.example ([192.0.2.1])\r\n\tby mx.example with ESMTPS\r\n"
		"\t(TLSv1.3 cipher X)\r\n\tid 42\r\n\tfor <u@example>;\r\n\tSun, 22 Nov 2026 00:12:05 +0100\r\n",
		"a Received field with every part");
	buf_clear(&out);
	r.comment = SPAN("uid 0) by evil\r\nX: y\\");
	r.host = SPAN("h(");
	trace_received(&r, &out);
	ok(span_search(buf_view(&out), SPAN("(h? [192.0.2.1] uid 0? by evil??X: y?)")) > 0,
	   "text from outside cannot leave its comment");
	buf_clear(&out);
	trace_add_message_id(1, SPAN("7"), SPAN("mx.example"), &out);
	is_span(buf_view(&out), "Message-ID: <1.7@mx.example>\r\n", "Message-ID");
	buf_free(&out);
}

static struct trace_header found;
static enum trace_flaw flaw;

static void
scan(struct span text, void *ctx PB_UNUSED)
{
	flaw = trace_scan(text, SPAN("mx.example"), &found);
}

static void
test_scan(void)
{
	with_exact(SPAN("Received: from a\r\n\tby mx.example with SMTP; date\r\nReceived: by mx.example.org;\r\n"
			"RECEIVED: from x by mx.example\r\nDate : x\r\nmessage-id:\r\nfrom: a\r\n\r\nbody\r\n"), scan, NULL);
	is_num(flaw, TRACE_OK, "a header");
	is_num(found.received, 3, "its hops");
	is_num(found.received_by_us, 2, "those of ours");
	ok(found.has_date && found.has_message_id && found.has_from, "the fields a submission needs");
	is_num(found.lines, 7, "its lines");
	is_num(found.body - found.end, 2, "the body begins behind the empty line");
	with_exact(SPAN("Subject: x\r\n"), scan, NULL);
	ok(found.end == 12 && found.body == 12 && !found.has_date, "no body");
	with_exact(SPAN(""), scan, NULL);
	ok(found.end == 0 && found.body == 0, "nothing at all");
	with_exact(SPAN("\r\nDate: x\r\n"), scan, NULL);
	ok(found.end == 0 && found.body == 2 && !found.has_date, "no header");
}

/* n fields "To: a" */
static void
many(size_t n, size_t size)
{
	struct buf text;

	buf_init(&text, 100000000);
	for (size_t i = 0; i < n; i++) {
		buf_text_put(&text, "To: ");
		for (size_t k = 0; k < size; k++)
			buf_char(&text, 'a');
		buf_text_put(&text, "\r\n");
	}
	with_exact(buf_view(&text), scan, NULL);
	buf_free(&text);
}

static void
test_limits(void)
{
	many(LIMIT_HEADER_LINES, 1);
	is_num(flaw, TRACE_OK, "a header at LIMIT_HEADER_LINES");
	many(LIMIT_HEADER_LINES + 1, 1);
	is_num(flaw, TRACE_TOO_MANY_LINES, "over LIMIT_HEADER_LINES (S33)");
	many(1, LIMIT_HEADER_BYTES - 6);
	is_num(flaw, TRACE_OK, "a header at LIMIT_HEADER_BYTES");
	many(1, LIMIT_HEADER_BYTES - 5);
	is_num(flaw, TRACE_TOO_LARGE, "over LIMIT_HEADER_BYTES");
	many(1, 10000000);
	is_num(flaw, TRACE_TOO_LARGE, "also against 10 MB");
}

int
main(void)
{
	test_received();
	test_scan();
	test_limits();
	return done();
}
