/*
 * The text of a message: cut in pieces or not, the result is the same; without
 * flaws the text has whole line ends only; and stuffing is the inverse.
 */
#include "base/base.h"
#include "base/mem.h"
#include "smtp/data.h"
#include "fuzz.h"

struct result {
	struct buf text;
	size_t used;
	unsigned flaws;
	bool done;
};

static struct result
unstuff(struct span in, size_t piece, bool normalize)
{
	struct result r = { .used = 0 };
	struct smtp_data d;

	buf_init(&r.text, 1000000);
	smtp_data_begin(&d, 0, normalize);
	while (r.used < in.n && !d.done) {
		struct span part = span_first(span_from(in, r.used), piece);
		char *out = mem_resize(NULL, normalize ? 2 * part.n + 2 : part.n + 1);
		size_t n;

		r.used += smtp_data_feed(&d, part.p, part.n, out, &n);
		buf_put(&r.text, out, n);
		free(out);
	}
	r.flaws = d.flaws;
	r.done = d.done;
	return r;
}

static void
check_line_ends(struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		FUZZ_CHECK(s.p[i] != '\n' || (i > 0 && s.p[i - 1] == '\r'));
		FUZZ_CHECK(s.p[i] != '\r' || i + 1 == s.n || s.p[i + 1] == '\n');
	}
}

static void
check_stuffing(struct span plain)
{
	struct smtp_stuff s;
	struct buf wire;
	struct result r;

	buf_init(&wire, 1000000);
	smtp_stuff_begin(&s);
	smtp_stuff_feed(&s, plain, &wire);
	smtp_stuff_end(&s, &wire);
	check_line_ends(buf_view(&wire));
	r = unstuff(buf_view(&wire), SIZE_MAX, false);
	FUZZ_CHECK(r.done && r.used == wire.n && (r.flaws & ~(unsigned)SMTP_FLAW_NUL) == 0);
	buf_free(&r.text);
	buf_free(&wire);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_make(data, size);
	size_t piece = size > 0 ? 1 + data[0] % 7 : 1;

	for (int normalize = 0; normalize < 2; normalize++) {
		struct result whole = unstuff(in, SIZE_MAX, normalize != 0);
		struct result parts = unstuff(in, piece, normalize != 0);

		FUZZ_CHECK(whole.used == parts.used && whole.done == parts.done && whole.flaws == parts.flaws);
		FUZZ_CHECK(whole.flaws != 0 || span_eq(buf_view(&whole.text), buf_view(&parts.text)));
		FUZZ_CHECK(!whole.done || (whole.used >= 3 && memcmp(data + whole.used - 3, ".\r\n", 3) == 0));
		FUZZ_CHECK(!whole.done || whole.used == 3 || (data[whole.used - 4] == '\n' && data[whole.used - 5] == '\r'));
		if (whole.flaws == 0)
			check_line_ends(buf_view(&whole.text));
		buf_free(&whole.text);
		buf_free(&parts.text);
	}
	check_stuffing(in);
	return 0;
}
