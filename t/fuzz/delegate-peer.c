/*
 * A policy server that answers whatever the input says: the client has an
 * answer or a reason, and never text that could leave its line.
 */
#include "base/base.h"
#include "base/limits.h"
#include "check/delegate.h"
#include "fuzz.h"
#include <signal.h>
#include <sys/socket.h>

static void
check(const struct delegate_answer *a)
{
	FUZZ_CHECK(a->kind != DELEGATE_REFUSED || (a->verdict.code >= 400 && a->verdict.code < 600));
	FUZZ_CHECK(a->kind != DELEGATE_REFUSED || strpbrk(a->verdict.text, "\r\n") == NULL);
	if (a->kind == DELEGATE_PREPEND) {
		FUZZ_CHECK(span_find(a->text, ':') > 0 && span_find(a->text, '\0') < 0);
		FUZZ_CHECK(span_find(a->text, '\r') < 0 && span_find(a->text, '\n') < 0);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct delegate_answer a;
	struct stream io;
	struct buf answer, request;
	int fds[2];

	signal(SIGPIPE, SIG_IGN);
	if (delegate_parse(span_make(data, size), &a))
		check(&a);
	if (size > 16384 || socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0)
		return 0;
	if (size > 0 && write(fds[1], data, size) != (ssize_t)size)
		size = 0;
	shutdown(fds[1], SHUT_WR);
	stream_init(&io, fds[0], LIMIT_DELEGATE_ANSWER + 2);
	delegate_buffers(&request, &answer);
	delegate_put(&request, "request", SPAN("x"));
	for (int i = 0; i < 3; i++) {
		const char *why = delegate_ask(&io, &request, 1000, &answer, &a);

		if (why == NULL)
			check(&a);
		FUZZ_CHECK(why == NULL || why[0] != '\0');
		if (why != NULL)
			break;
	}
	buf_free(&answer);
	buf_free(&request);
	stream_close(&io);
	close(fds[1]);
	return 0;
}
