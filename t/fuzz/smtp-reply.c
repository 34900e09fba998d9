/* Replies of other servers: bounded, and one printable line when they leave. */
#include "base/base.h"
#include "smtp/reply.h"
#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct smtp_reply r;
	struct span rest = span_make(data, size);
	enum smtp_reply_step step = SMTP_REPLY_MORE;
	struct smtp_ehlo ehlo;
	struct verdict v;

	smtp_reply_begin(&r);
	while (step == SMTP_REPLY_MORE && rest.p != NULL)
		step = smtp_reply_line(&r, span_cut(&rest, '\n'));
	FUZZ_CHECK(r.text_n < sizeof(r.text) && r.text[r.text_n] == '\0');
	FUZZ_CHECK(r.lines <= LIMIT_SMTP_REPLY_LINES + 1);
	if (step != SMTP_REPLY_DONE)
		return 0;
	smtp_ehlo_parse(&r, &ehlo);
	v = smtp_reply_verdict(&r);
	FUZZ_CHECK(v.code >= 200 && v.code < 600 && verdict_status_is_valid(span_of(v.status)));
	for (const char *p = v.text; *p != '\0'; p++)
		FUZZ_CHECK(*p >= 0x20 && *p < 0x7f);
	return 0;
}
