/* POP3 commands, and messages in the wire form, the same in pieces as whole. */
#include "base/base.h"
#include "pop3/command.h"
#include "pop3/dots.h"
#include "fuzz.h"

static void
check_command(struct span line)
{
	struct pop3_command c;

	if (pop3_command_parse(line, &c) != POP3_OK)
		return;
	FUZZ_CHECK(c.verb > POP3_UNKNOWN && c.verb < POP3_VERBS && pop3_verb_name(c.verb)[0] != '\0');
	FUZZ_CHECK(c.argument.n <= line.n && span_find(c.argument, '\0') < 0);
	FUZZ_CHECK(span_find(c.argument, '\r') < 0 && span_find(c.argument, '\n') < 0);
	FUZZ_CHECK(!c.has_number || c.number > 0);
	FUZZ_CHECK(c.mechanism.n + c.initial.n <= line.n);
}

static void
put(struct span message, size_t piece, const uint32_t *lines, struct buf *out)
{
	struct pop3_dots d;

	if (lines != NULL)
		pop3_dots_init_top(&d, *lines);
	else
		pop3_dots_init(&d);
	while (message.n > 0) {
		pop3_dots_put(&d, span_first(message, piece), out);
		message = span_from(message, piece);
	}
	pop3_dots_end(&d, out);
}

/* The end is the only line that is a dot. */
static void
check_wire(struct span s)
{
	ssize_t at = span_search(s, SPAN("\r\n.\r\n"));

	FUZZ_CHECK(s.n >= 3 && (at < 0 ? s.n == 3 : (size_t)at == s.n - 5));
	for (size_t i = 0; i < s.n; i++)
		FUZZ_CHECK(s.p[i] != '\n' || (i > 0 && s.p[i - 1] == '\r'));
}

static void
check_dots(struct span message, const uint32_t *lines)
{
	struct buf whole, pieces;

	buf_init(&whole, 2 * message.n + 16);
	buf_init(&pieces, 2 * message.n + 16);
	put(message, message.n, lines, &whole);
	put(message, 3, lines, &pieces);
	FUZZ_CHECK(!whole.overflow && span_eq(buf_view(&whole), buf_view(&pieces)));
	check_wire(buf_view(&whole));
	buf_free(&whole);
	buf_free(&pieces);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_make(data, size);
	uint32_t two = 2;

	check_command(in);
	check_dots(in, NULL);
	check_dots(in, &two);
	return 0;
}
