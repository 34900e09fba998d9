/* DKIM: the canonical form is the same however the message is cut, and stays what it is when it is read again. */
#include "base/base.h"
#include "mail/dkim.h"
#include "fuzz.h"

#define OUT_MAX (1u << 22)

static void
take(void *ctx, struct span canonical)
{
	buf_span(ctx, canonical);
}

static bool
read_all(struct dkim *d, struct span message, size_t step, struct buf *body)
{
	buf_clear(body);
	dkim_begin(d, take, body);
	for (; message.n > 0; message = span_from(message, step))
		dkim_feed(d, span_first(message, step));
	return dkim_end(d);
}

static void
look_at_field(struct span field)
{
	FUZZ_CHECK(span_ends_nocase(field, SPAN("\r\n")));
	while (field.n > 0) {
		struct span line = span_cut(&field, '\n');

		FUZZ_CHECK(line.n > 1 && line.n <= 998);
		FUZZ_CHECK(field.n == 0 || field.p[0] == '\t' || field.p[0] == ' ');
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct dkim_signature s = { .domain = SPAN("example.com"), .selector = SPAN("sel"),
		.algorithm = "ed25519-sha256", .body_hash = SPAN("aGFzaA=="), .time = 1 };
	struct buf body, again, field, input;
	struct dkim one, other;

	buf_init(&body, OUT_MAX);
	buf_init(&again, OUT_MAX);
	buf_init(&field, OUT_MAX);
	buf_init(&input, OUT_MAX);
	FUZZ_CHECK(read_all(&one, span_make(data, size), size + 1, &body) == read_all(&other, span_make(data, size), 1, &again));
	FUZZ_CHECK(span_eq(buf_view(&body), buf_view(&again)));
	FUZZ_CHECK(span_eq(buf_view(&one.header), buf_view(&other.header)));
	if (dkim_field(&one, &s, &field, &input)) {
		FUZZ_CHECK(span_starts(buf_view(&input), SPAN("from:")));
		dkim_field_end(&field, SPAN("c2lnbmF0dXJlc2lnbmF0dXJlc2lnbmF0dXJlc2lnbmF0dXJlc2lnbmF0dXJlc2lnbmF0dXJlc2lnbmF0dXJl"));
		look_at_field(buf_view(&field));
	}
	dkim_free(&other);
	/* A canonical body is its own canonical form. */
	buf_clear(&field);
	buf_text_put(&field, "A: b\r\n\r\n");
	buf_span(&field, buf_view(&body));
	(void)read_all(&other, buf_view(&field), 3, &again);
	FUZZ_CHECK(span_eq(buf_view(&body), buf_view(&again)));
	dkim_free(&one);
	dkim_free(&other);
	buf_free(&body);
	buf_free(&again);
	buf_free(&field);
	buf_free(&input);
	return 0;
}
