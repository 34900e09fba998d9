/* The MIME tree: ranges nest, counts add up, and every part can be shown. */
#include "base/base.h"
#include "base/limits.h"
#include "imap/print.h"
#include "imap/summary.h"
#include "mail/mime.h"
#include "fuzz.h"

static size_t
count_lf(struct span text, struct mime_range r, bool bare)
{
	size_t n = 0;

	for (size_t i = r.start; i < r.end; i++)
		n += text.p[i] == '\n' && (!bare || i == 0 || text.p[i - 1] != '\r');
	return n;
}

static void
check_part(struct span text, const struct mime_tree *t, uint32_t i)
{
	const struct mime_part *p = &t->parts[i];
	uint32_t children = 0;

	FUZZ_CHECK(p->header.start <= p->header.end && p->header.end <= p->body.start);
	FUZZ_CHECK(p->body.start <= p->body.end && p->body.end <= text.n);
	FUZZ_CHECK(p->header.lines == count_lf(text, p->header, false));
	FUZZ_CHECK(p->body.lines == count_lf(text, p->body, false));
	FUZZ_CHECK(p->body.bare_lf == count_lf(text, p->body, true));
	for (uint32_t c = p->first_child; c != MIME_NO_PART; c = t->parts[c].next) {
		FUZZ_CHECK(c > i && c < t->count && t->parts[c].parent == i);
		FUZZ_CHECK(t->parts[c].header.start >= p->body.start && t->parts[c].body.end <= p->body.end);
		children++;
	}
	FUZZ_CHECK(children == p->children && (p->kind != MIME_MESSAGE || children == 1));
	FUZZ_CHECK(p->kind != MIME_LEAF || children == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_make(data, size);
	struct imap_summary s;
	struct mime_tree t;
	struct buf blob;

	mime_parse(text, &t);
	FUZZ_CHECK(t.count >= 1 && t.count <= LIMIT_MIME_PARTS);
	for (uint32_t i = 0; i < t.count; i++)
		check_part(text, &t, i);
	mime_tree_free(&t);
	buf_init(&blob, LIMIT_IMAP_SUMMARY);
	if (imap_summary_make(text, &blob))
		FUZZ_CHECK(imap_summary_read(buf_view(&blob), &s) && s.envelope.n > 0 && s.structure.n > 0);
	if (imap_summary_read(text, &s))
		FUZZ_CHECK(s.fields.n <= size);
	buf_free(&blob);
	return 0;
}
