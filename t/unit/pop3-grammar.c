/* POP3 command lines and dot-stuffing. */
#include "base/base.h"
#include "base/buf.h"
#include "pop3/command.h"
#include "pop3/dots.h"
#include "tap.h"

static void
test_commands(void)
{
	static const struct { const char *line; enum pop3_parse result; enum pop3_verb verb; } cases[] = {
		{ "user joe", POP3_OK, POP3_USER }, { "PASS a b ", POP3_OK, POP3_PASS }, { "PASS", POP3_BAD_ARGUMENT, POP3_PASS },
		{ "RETR 1", POP3_OK, POP3_RETR }, { "RETR 0", POP3_BAD_ARGUMENT, POP3_RETR },
		{ "RETR -1", POP3_BAD_ARGUMENT, POP3_RETR }, { "RETR 99999999999999999999", POP3_BAD_ARGUMENT, POP3_RETR },
		{ "RETR 1 2", POP3_BAD_ARGUMENT, POP3_RETR }, { "RETR", POP3_BAD_ARGUMENT, POP3_RETR },
		{ "TOP 1 0", POP3_OK, POP3_TOP }, { "TOP 1 -1", POP3_BAD_ARGUMENT, POP3_TOP }, { "TOP 1", POP3_BAD_ARGUMENT, POP3_TOP },
		{ "LIST", POP3_OK, POP3_LIST }, { "LIST 3", POP3_OK, POP3_LIST }, { "LIST x", POP3_BAD_ARGUMENT, POP3_LIST },
		{ "QUIT", POP3_OK, POP3_QUIT }, { "QUIT now", POP3_BAD_ARGUMENT, POP3_QUIT }, { "", POP3_BAD_VERB, POP3_UNKNOWN },
		{ "XTND", POP3_BAD_VERB, POP3_UNKNOWN }, { "NO\tOP", POP3_BAD_BYTES, POP3_UNKNOWN },
		{ "AUTH", POP3_OK, POP3_AUTH }, { "AUTH PLAIN =", POP3_OK, POP3_AUTH }, { "AUTH PLAIN a b", POP3_BAD_ARGUMENT, POP3_AUTH }
	};
	struct pop3_command c;

	for (size_t i = 0; i < PB_COUNT(cases); i++)
		ok(pop3_command_parse(span_of(cases[i].line), &c) == cases[i].result && c.verb == cases[i].verb,
		   "I15 \"%s\"", cases[i].line);
	ok(pop3_command_parse(SPAN("PASS a b "), &c) == POP3_OK, "a password");
	is_span(c.argument, "a b ", "keeps its blanks");
	ok(pop3_command_parse(SPAN("NOOP\0"), &c) == POP3_BAD_BYTES, "a NUL is refused");
	ok(pop3_command_parse(SPAN("AUTH PLAIN ="), &c) == POP3_OK && c.initial.p != NULL && c.initial.n == 0, "an empty response");
}

/* The same whole and byte by byte. */
static void
dots_are(const char *text, ssize_t top, const char *want)
{
	for (int bytes = 0; bytes < 2; bytes++) {
		struct pop3_dots d;
		struct buf out;

		buf_init(&out, 1000);
		if (top < 0)
			pop3_dots_init(&d);
		else
			pop3_dots_init_top(&d, (uint32_t)top);
		for (size_t i = 0; bytes && i < strlen(text); i++)
			pop3_dots_put(&d, span_make(text + i, 1), &out);
		if (!bytes)
			pop3_dots_put(&d, span_of(text), &out);
		pop3_dots_end(&d, &out);
		is_text(buf_text(&out), want, bytes ? "byte by byte" : "in one piece");
		buf_free(&out);
	}
}

int
main(void)
{
	test_commands();
	dots_are("a\r\n.b\r\n..\r\n", -1, "a\r\n..b\r\n...\r\n.\r\n");
	dots_are("a\n.\nb", -1, "a\r\n..\r\nb\r\n.\r\n");
	dots_are("", -1, ".\r\n");
	dots_are("a\r", -1, "a\r\n.\r\n");
	dots_are("H: x\r\n\r\n1\r\n2\r\n3\r\n", 0, "H: x\r\n\r\n.\r\n");
	dots_are("H: x\n\n1\n\n3\n", 2, "H: x\r\n\r\n1\r\n\r\n.\r\n");
	dots_are("H: x\n\n1\n", 9, "H: x\r\n\r\n1\r\n.\r\n");
	dots_are("a\rb\r\n\r\n.", 1, "a\rb\r\n\r\n..\r\n.\r\n");
	return done();
}
