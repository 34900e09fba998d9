/*
 * What DATA and BDAT take in, cut in any way: the text, the flaws and the end
 * are the same, whether the message comes by DATA, in chunks, or in chunks with
 * binary parts; what has no flaws is lines.  A decoded base64 part gives back
 * what was encoded.
 */
#include "base/base.h"
#include "base/limits.h"
#include "base/mem.h"
#include "mail/binary.h"
#include "smtp/data.h"
#include "fuzz.h"

struct result {
	struct buf text;
	unsigned flaws;
	bool refused;		/* binary parts that cannot be encoded */
};

static size_t
piece_of(const uint8_t *cuts, size_t ncuts, size_t *at)
{
	return ncuts == 0 ? SIZE_MAX : 1u + cuts[(*at)++ % ncuts] % 13u;
}

/* As cmd_bdat.c puts it: what binary gives is fed to the reader of lines. */
static void
put(struct smtp_data *d, struct span in, struct buf *out)
{
	char *room = mem_resize(NULL, in.n + 1);
	size_t n;

	FUZZ_CHECK(smtp_data_feed(d, in.p, in.n, room, &n) == in.n);
	if (d->flaws == 0)
		buf_put(out, room, n);
	free(room);
}

static struct result
chunks(struct span in, bool is_binary, const uint8_t *cuts, size_t ncuts)
{
	struct result r = { .flaws = 0 };
	struct binary *b = binary_new();
	struct smtp_data d;
	struct buf made;
	char end[2];
	size_t at = 0, n;

	buf_init(&r.text, 16u << 20);
	smtp_data_begin_chunks(&d, 0, false);
	while (in.n > 0 && !r.refused) {
		struct span part = span_first(in, piece_of(cuts, ncuts, &at));

		in = span_from(in, part.n);
		if (!is_binary) {
			put(&d, part, &r.text);
			continue;
		}
		buf_init(&made, BINARY_OUT_MAX(part.n));
		r.refused = !binary_feed(b, part, &made);
		put(&d, buf_view(&made), &r.text);
		buf_free(&made);
	}
	if (is_binary && !r.refused) {
		buf_init(&made, BINARY_OUT_MAX(0));
		r.refused = !binary_end(b, &made);
		put(&d, buf_view(&made), &r.text);
		buf_free(&made);
	}
	smtp_data_end(&d, end, &n);
	if (d.flaws == 0)
		buf_put(&r.text, end, n);
	r.flaws = d.flaws;
	binary_free(&b);
	return r;
}

/* The same text by DATA: stuffed, read back. */
static void
check_by_data(const struct result *r)
{
	struct smtp_stuff s;
	struct smtp_data d;
	struct buf wire;
	char *room;
	size_t n;

	buf_init(&wire, 2 * r->text.n + 64);
	smtp_stuff_begin(&s);
	smtp_stuff_feed(&s, buf_view(&r->text), &wire);
	smtp_stuff_end(&s, &wire);
	room = mem_resize(NULL, wire.n + 1);
	smtp_data_begin(&d, 0, false);
	FUZZ_CHECK(smtp_data_feed(&d, wire.p, wire.n, room, &n) == wire.n && d.done && d.flaws == 0);
	FUZZ_CHECK(span_eq(span_make(room, n), buf_view(&r->text)));
	free(room);
	buf_free(&wire);
}

static void
check_lines(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		FUZZ_CHECK(s.p[i] != '\0' && (s.p[i] != '\n' || (i > 0 && s.p[i - 1] == '\r')) &&
			   (s.p[i] != '\r' || (i + 1 < s.n && s.p[i + 1] == '\n')));
	FUZZ_CHECK(s.n == 0 || s.p[s.n - 1] == '\n');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t ncuts = size > 8 ? 8 : size;
	struct span in = span_from(span_make(data, size), ncuts);
	struct result plain = chunks(in, false, NULL, 0);

	for (int is_binary = 0; is_binary < 2; is_binary++) {
		struct result whole = chunks(in, is_binary != 0, NULL, 0);
		struct result parts = chunks(in, is_binary != 0, data, ncuts);

		FUZZ_CHECK(whole.refused == parts.refused && whole.flaws == parts.flaws);
		FUZZ_CHECK(whole.flaws != 0 || whole.refused || span_eq(buf_view(&whole.text), buf_view(&parts.text)));
		if (whole.flaws == 0 && !whole.refused) {
			check_lines(buf_view(&whole.text));
			check_by_data(&whole);
		}
		/* Without a binary part a message that is lines stays as it is. */
		if (is_binary && plain.flaws == 0 && !whole.refused && span_search_nocase(in, SPAN("binary")) < 0)
			FUZZ_CHECK(whole.flaws == 0 && span_eq(buf_view(&plain.text), buf_view(&whole.text)));
		buf_free(&whole.text);
		buf_free(&parts.text);
	}
	buf_free(&plain.text);
	return 0;
}
