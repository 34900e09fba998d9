/* What a mailbox keeps of a message: a hostile blob stays inside itself, a made one is read back. */
#include "base/base.h"
#include "base/limits.h"
#include "imap/summary.h"
#include "fuzz.h"

static void
check_inside(struct span part, struct span blob)
{
	FUZZ_CHECK(part.p >= blob.p && part.n <= blob.n && part.p + part.n <= blob.p + blob.n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_make(data, size);
	struct imap_summary s;
	struct buf blob;

	if (imap_summary_read(in, &s)) {
		check_inside(s.envelope, in);
		check_inside(s.fields, in);
	}
	buf_init(&blob, LIMIT_IMAP_SUMMARY);
	if (imap_summary_make(in, &blob)) {
		FUZZ_CHECK(imap_summary_read(buf_view(&blob), &s));
		check_inside(s.structure, buf_view(&blob));
		FUZZ_CHECK(s.envelope.n > 2 && s.envelope.p[0] == '(' && s.body.p[0] == '(');
	}
	buf_free(&blob);
	return 0;
}
