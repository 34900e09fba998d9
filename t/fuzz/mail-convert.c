/* Messages converted for hosts that take less: any bytes, in pieces; no header line stays too long, and nothing outgrows its room. */
#include "base/base.h"
#include "base/mem.h"
#include "mail/binary.h"
#include "fuzz.h"

#define PIECE 61

/* All of it through the machine, which is freed. */
static bool
run(struct binary *b, struct span in, struct buf *out)
{
	bool good = true;

	while (good && in.n > 0) {
		size_t n = in.n < PIECE ? in.n : PIECE, before = out->n;

		good = binary_feed(b, span_first(in, n), out);
		FUZZ_CHECK(out->n - before <= BINARY_OUT_MAX(n));
		in = span_from(in, n);
	}
	good = good && binary_end(b, out);
	binary_free(&b);
	return good;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct binary_survey first, second;
	struct span in = span_make(data, size);
	struct buf copy, out, unused;

	buf_init(&copy, 8 * size + (1 << 20));
	buf_init(&out, 8 * size + (1 << 20));
	buf_init(&unused, 64 * size + (1 << 22));
	if (run(binary_new_survey(&first), in, &copy)) {
		FUZZ_CHECK(first.parts <= LIMIT_MIME_PARTS);
		FUZZ_CHECK(run(binary_new_converter(&first, BINARY_8BIT | BINARY_LONG), in, &out));
		if (run(binary_new_survey(&second), buf_view(&out), &unused))
			FUZZ_CHECK(second.header_8bit == first.header_8bit);
	}
	buf_free(&copy);
	buf_free(&out);
	buf_free(&unused);
	return 0;
}
