/* delegate: what a policy server may answer, and what a request looks like. */
#include "base/base.h"
#include "base/die.h"
#include "base/limits.h"
#include "check/delegate.h"
#include "tap.h"

#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

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
defers_refusals(const char *action, const char *status, const char *text)
{
	struct delegate_answer a;

	ok(delegate_parse(span_of(action), &a) && a.kind == DELEGATE_DEFER_IF_REJECT, "\"%s\" is no refusal yet", action);
	is_num(a.verdict.code, 450, "but has one");
	is_text(a.verdict.status, status, "status");
	is_text(a.verdict.text, text, "text");
}

static void
is_none(const char *action)
{
	struct delegate_answer a;

	ok(!delegate_parse(span_of(action), &a), "\"%s\" is none", action);
}

/* What asking comes to: NULL, or why there is no answer.  What the server will say stands in its socket. */
static const char *
ask(const struct buf *request, struct span said, size_t *sent)
{
	struct buf answer, unused;
	struct delegate_answer a;
	struct stream io;
	const char *why;
	int fds[2], left = 0;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0 ||
	    send(fds[1], said.p, said.n, 0) != (ssize_t)said.n)
		bug("socketpair: %m");
	stream_init(&io, fds[0], LIMIT_DELEGATE_ANSWER + 2);
	delegate_buffers(&unused, &answer);
	why = delegate_ask(&io, request, 10000, &answer, &a);
	if (ioctl(fds[1], FIONREAD, &left) != 0)
		bug("ioctl: %m");
	*sent = (size_t)left;
	stream_close(&io);
	close(fds[1]);
	buf_free(&answer);
	return why != NULL ? why : "";
}

/* An answer of n bytes, LF counted, in lines of which none is long. */
static const char *
answer_of(const struct buf *request, size_t n)
{
	struct buf said;
	const char *why;
	size_t sent;

	buf_init(&said, n + 1);
	buf_text_put(&said, "action=DUNNO\n");
	while (n - said.n > 200)
		buf_printf(&said, "note=%094d\n", 0);
	buf_printf(&said, "note=%0*d\n\n", (int)(n - said.n) - 6, 0);
	why = ask(request, buf_view(&said), &sent);
	buf_free(&said);
	return why;
}

/* A request of n bytes, its empty line not counted. */
static void
fill(struct buf *request, size_t n)
{
	while (request->n < n - 128)
		delegate_put(request, "name", SPAN("value"));
	while (request->n < n - 8)
		delegate_put(request, "a", SPAN(""));
	delegate_put(request, "a", span_first(SPAN("bbbbb"), n - request->n - 3));
}

static void
limits(void)
{
	struct buf request, unused;
	size_t sent;

	delegate_buffers(&request, &unused);
	fill(&request, LIMIT_DELEGATE_REQUEST);
	is_num(request.n, LIMIT_DELEGATE_REQUEST, "a request of as many bytes");
	is_text(ask(&request, SPAN("action=DUNNO\n\n"), &sent), "", "at LIMIT_DELEGATE_REQUEST is answered");
	is_num(sent, LIMIT_DELEGATE_REQUEST + 1, "it was sent whole, with its empty line");
	is_text(answer_of(&request, LIMIT_DELEGATE_ANSWER), "", "an answer at LIMIT_DELEGATE_ANSWER");
	is_text(answer_of(&request, LIMIT_DELEGATE_ANSWER + 1), "an answer over its limit", "over LIMIT_DELEGATE_ANSWER");
	buf_clear(&request);
	fill(&request, LIMIT_DELEGATE_REQUEST + 1);
	is_text(ask(&request, SPAN("action=DUNNO\n\n"), &sent), "a request over its limit", "a request over LIMIT_DELEGATE_REQUEST");
	is_num(sent, 0, "is not sent");
	buf_free(&request);
}

int
main(void)
{
	struct buf request;

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
	defers_refusals("defer_if_reject 4.2.0 busy", "4.2.0", "busy");
	defers_refusals("DEFER_IF_REJECT", "4.7.1", "Access denied");
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
	buf_free(&request);
	limits();
	return done();
}
