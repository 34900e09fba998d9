/*
 * endpoint: where a milter listens; the check of settings and the parser that
 * connects agree on every form.
 */
#include "base/base.h"
#include "config/format.h"
#include "net/endpoint.h"
#include "tap.h"

static void
refused(const char *text)
{
	struct endpoint e;

	ok(!endpoint_parse(span_of(text), &e), "\"%.40s\" is refused", text);
	ok(!format_is_valid(FORMAT_SOCKET, span_of(text)), "... in settings too");
}

static void
at_unix(const char *text, bool outside, const char *path)
{
	struct endpoint e;

	ok(endpoint_parse(span_of(text), &e) && e.family == AF_UNIX && e.is_outside == outside, "%.40s", text);
	is_text(e.path, path, "its path");
	ok(format_is_valid(FORMAT_SOCKET, span_of(text)), "... in settings too");
}

static void
at_inet(const char *text, const char *where)
{
	char out[ADDR_TEXT_MAX];
	struct endpoint e;

	ok(endpoint_parse(span_of(text), &e) && e.family == e.addr.family, "%s", text);
	is_text(addr_print_port(&e.addr, out, sizeof(out)), where, "its address");
	ok(format_is_valid(FORMAT_SOCKET, span_of(text)), "... in settings too");
}

int
main(void)
{
	char longest[200] = "unix:/";

	at_unix("unix:greylist", false, "greylist");
	at_unix("unix:/run/opendkim/opendkim.sock", true, "run/opendkim/opendkim.sock");
	at_inet("inet:8891@127.0.0.1", "127.0.0.1:8891");
	at_inet("inet:8891@::1", "[::1]:8891");
	at_inet("inet6:1@2001:db8::1", "[2001:db8::1]:1");
	memset(longest + 6, 'a', ENDPOINT_PATH_MAX - 1);
	at_unix(longest, true, longest + 6);
	longest[6 + ENDPOINT_PATH_MAX - 1] = 'a';
	refused(longest);
	refused("unix:");
	refused("unix:/");
	refused("unix:folder/name");
	refused("unix:/a b");
	refused("unix:a\177");
	refused("greylist");
	refused("/run/socket");
	refused("local:/run/socket");
	refused("inet:8891");
	refused("inet:8891@");
	refused("inet:8891@localhost");
	refused("inet:0@127.0.0.1");
	refused("inet:65536@127.0.0.1");
	refused("inet:@127.0.0.1");
	refused("inet6:8891@127.0.0.1");
	return done();
}
