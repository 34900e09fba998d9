/*
 * A milter that sends whatever the input says: the client ends each step with
 * an outcome, takes no change it cannot make, and never waits for more.
 */
#include "base/base.h"
#include "check/milter.h"
#include "fuzz.h"
#include <signal.h>
#include <sys/socket.h>

static const char *
macro(void *ctx PB_UNUSED, const char *name)
{
	return strcmp(name, "i") == 0 ? "1" : NULL;
}

static bool
on_header(void *ctx PB_UNUSED, struct span name, struct span value)
{
	FUZZ_CHECK(name.n > 0 && span_find(name, ':') < 0 && span_find(name, '\n') < 0);
	for (size_t i = 0; i < value.n; i++)
		FUZZ_CHECK(value.p[i] != '\n' || (value.p[i - 1] == '\r' &&
			   (i + 1 == value.n || value.p[i + 1] == ' ' || value.p[i + 1] == '\t')));
	FUZZ_CHECK(value.n == 0 || value.p[value.n - 1] != '\n');
	return true;
}

static bool
on_indexed(void *ctx, uint32_t index PB_UNUSED, struct span name, struct span value)
{
	return on_header(ctx, name, value);
}

static bool
on_body(void *ctx PB_UNUSED, struct span piece PB_UNUSED, bool first PB_UNUSED)
{
	return true;
}

static bool
on_quarantine(void *ctx PB_UNUSED, struct span reason PB_UNUSED)
{
	return true;
}

static bool
on_address(void *ctx PB_UNUSED, struct span path, struct span args)
{
	FUZZ_CHECK(span_find(path, '\0') < 0 && span_find(args, '\0') < 0);
	return true;
}

static bool
on_path(void *ctx, struct span path)
{
	return on_address(ctx, path, SPAN(""));
}

static void
talk(struct milter *m)
{
	static const struct milter_edits edits = {
		.add = on_header, .insert = on_indexed, .change = on_indexed, .body = on_body, .quarantine = on_quarantine,
		.add_rcpt = on_address, .delete_rcpt = on_path, .change_from = on_address,
	};
	struct addr peer = { .family = AF_INET, .port = 25 };
	bool enough;

	if (milter_negotiate(m) == MILTER_FAILED || milter_connect(m, SPAN("x"), &peer) == MILTER_FAILED ||
	    milter_helo(m, SPAN("x")) == MILTER_FAILED || milter_unknown(m, SPAN("x y")) == MILTER_FAILED ||
	    milter_mail(m, SPAN("<>"), SPAN("SIZE=1")) == MILTER_FAILED ||
	    milter_rcpt(m, SPAN("<a@b>"), SPAN_NONE) == MILTER_FAILED ||
	    milter_refused_rcpt(m, SPAN("<c@d>"), SPAN_NONE) == MILTER_FAILED || milter_data(m) == MILTER_FAILED ||
	    milter_header(m, SPAN("A"), SPAN(" b")) == MILTER_FAILED || milter_eoh(m) == MILTER_FAILED ||
	    milter_body(m, SPAN("x"), &enough) == MILTER_FAILED || milter_end(m, &edits) == MILTER_FAILED)
		FUZZ_CHECK(milter_error(m)[0] != '\0');
	milter_quit(m);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct milter *m;
	int fds[2];

	signal(SIGPIPE, SIG_IGN);
	if (size > 60000 || socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0)
		return 0;
	FUZZ_CHECK(write(fds[1], data, size) == (ssize_t)size);
	shutdown(fds[1], SHUT_WR);
	m = milter_new(fds[0], 1000, macro, NULL);
	talk(m);
	milter_free(&m);
	close(fds[1]);
	return 0;
}
