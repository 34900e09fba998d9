/* delegate: what a policy server may answer, and what a request looks like. */
#include "base/base.h"
#include "base/limits.h"
#include "check/delegate.h"
#include "tap.h"

static void
answers(const char *action, enum delegate_kind kind, const char *text)
{
	struct delegate_answer a;

	ok(delegate_parse(span_of(action), &a), "\"%s\" is an answer", action);
	is_num(a.kind, kind, "of its kind");
	is_span(a.text, text, "its text");
}

static void
refuses(const char *action, int code, const char *status, const char *text)
{
	struct delegate_answer a;

	ok(delegate_parse(span_of(action), &a) && a.kind == DELEGATE_REFUSED, "\"%s\" refuses", action);
	is_num(a.verdict.code, code, "code");
	is_text(a.verdict.status, status, "status");
	is_text(a.verdict.text, text, "text");
}

static void
is_none(const char *action)
{
	struct delegate_answer a;

	ok(!delegate_parse(span_of(action), &a), "\"%s\" is none", action);
}

int
main(void)
{
	struct buf request, answer = { .max = LIMIT_DELEGATE_ANSWER };
	struct delegate_answer a;
	struct stream io = { .fd_in = -1, .fd_out = -1 };

	answers("DUNNO", DELEGATE_DUNNO, "");
	answers("dunno whatever", DELEGATE_DUNNO, "whatever");
	answers("warn look", DELEGATE_DUNNO, "look");
	answers("OK", DELEGATE_OK, "");
	answers("discard", DELEGATE_DISCARD, "");
	answers("HOLD for a look", DELEGATE_HOLD, "for a look");
	answers("PREPEND X-A: b", DELEGATE_PREPEND, "X-A: b");
	refuses("REJECT", 554, "5.7.1", "Access denied");
	refuses("reject not you", 554, "5.7.1", "not you");
	refuses("DEFER", 450, "4.7.1", "Access denied");
	refuses("DEFER_IF_PERMIT come back", 450, "4.7.1", "come back");
	refuses("defer_if_permit 4.2.0 grey", 450, "4.2.0", "grey");
	refuses("450 4.1.8 later", 450, "4.1.8", "later");
	refuses("550 5.1.1 no", 550, "5.1.1", "no");
	refuses("550 4.1.1 no", 550, "5.7.1", "4.1.1 no");
	refuses("421", 421, "4.7.1", "Access denied");
	is_none("");
	is_none("250 fine");
	is_none("600 no");
	is_none("45 no");
	is_none("whatever");
	is_none("PREPEND");
	is_none("PREPEND no colon");
	is_none("PREPEND : b");
	is_none("PREPEND X A: b");
	is_none("PREPEND X-A: b\001");
	is_none("PREPEND X-A: b\rc");
	buf_init(&request, LIMIT_DELEGATE_REQUEST);
	delegate_put(&request, "sender", SPAN("a\nrecipient=b\r\001\377"));
	is_span(buf_view(&request), "sender=a?recipient=b??\377\n", "a value makes no line of its own");
	for (size_t i = 0; i < LIMIT_DELEGATE_REQUEST / 10; i++)
		delegate_put(&request, "name", SPAN("value"));
	ok(request.overflow, "a request over LIMIT_DELEGATE_REQUEST");
	is_text(delegate_ask(&io, &request, 1000, &answer, &a), "a request over its limit", "is not sent");
	buf_free(&request);
	return done();
}
