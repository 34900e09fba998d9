/*
 * The milter client against a peer that plays a script: negotiation, steps
 * left out, macros, changes, refusals, and everything a broken milter may send.
 */
/* Features: TOOL-15. */
#include "base/base.h"
#include "check/milter.h"
#include "check/milter_wire.h"
#include "base/limits.h"
#include "base/mem.h"
#include "sys/clock.h"
#include "tap.h"
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

static struct milter *m;
static pid_t peer;
static struct buf seen;			/* what the edits did */

/* -- the peer --------------------------------------------------------------- */

static bool
read_full(int fd, char *p, size_t n)
{
	while (n > 0) {
		ssize_t got = read(fd, p, n);

		if (got <= 0)
			return false;
		p += got;
		n -= (size_t)got;
	}
	return true;
}

/* The letter of the next packet that is no macro packet; its data into text. */
static char
next_packet(int fd, struct buf *text)
{
	static char data[LIMIT_MILTER_PACKET];
	char head[4];
	uint32_t n;

	do {
		struct span s = span_make(head, 4);

		if (!read_full(fd, head, 4) || !milter_get_u32(&s, &n) || n == 0 || n > sizeof(data) ||
		    !read_full(fd, data, n))
			_exit(1);
		if (data[0] == MILTER_MACRO)
			buf_put(text, data + 1, n - 1);
	} while (data[0] == MILTER_MACRO);
	buf_put(text, data, n);
	return data[0];
}

static void
reply(int fd, char kind, struct span data)
{
	struct buf out;

	buf_init(&out, LIMIT_MILTER_PACKET + 100);
	milter_packet_begin(&out, kind);
	buf_span(&out, data);
	milter_packet_end(&out, 0);
	(void)!write(fd, out.p, out.n);
	buf_free(&out);
}

static void
negotiate(int fd, uint32_t version, uint32_t actions, uint32_t steps, struct span wishes)
{
	struct buf out, text;

	buf_init(&text, LIMIT_MILTER_PACKET);
	(void)next_packet(fd, &text);
	buf_init(&out, 1000);
	milter_put_u32(&out, version);
	milter_put_u32(&out, actions);
	milter_put_u32(&out, steps);
	buf_span(&out, wishes);
	reply(fd, MILTER_NEGOTIATE, buf_view(&out));
}

static const char *
macro(void *ctx PB_UNUSED, const char *name)
{
	return strcmp(name, "i") == 0 ? "queue-id" : strcmp(name, "j") == 0 ? "mx.example" : NULL;
}

static bool
on_add(void *ctx PB_UNUSED, struct span name, struct span value)
{
	return buf_printf(&seen, "add %.*s:%.*s;", SPAN_ARG(name), SPAN_ARG(value));
}

static bool
on_insert(void *ctx PB_UNUSED, uint32_t index, struct span name, struct span value)
{
	return buf_printf(&seen, "insert %u %.*s:%.*s;", index, SPAN_ARG(name), SPAN_ARG(value));
}

static bool
on_change(void *ctx PB_UNUSED, uint32_t index, struct span name, struct span value)
{
	return buf_printf(&seen, "change %u %.*s:%.*s;", index, SPAN_ARG(name), SPAN_ARG(value));
}

static bool
on_body(void *ctx PB_UNUSED, struct span piece, bool first)
{
	return buf_printf(&seen, "body%s %.*s;", first ? " first" : "", SPAN_ARG(piece));
}

static bool
on_quarantine(void *ctx PB_UNUSED, struct span reason)
{
	return buf_printf(&seen, "quarantine %.*s;", SPAN_ARG(reason));
}

static bool
on_add_rcpt(void *ctx PB_UNUSED, struct span path, struct span args)
{
	return buf_printf(&seen, "rcpt+ %.*s %.*s;", SPAN_ARG(path), SPAN_ARG(args));
}

static bool
on_delete_rcpt(void *ctx PB_UNUSED, struct span path)
{
	return buf_printf(&seen, "rcpt- %.*s;", SPAN_ARG(path));
}

static bool
on_from(void *ctx PB_UNUSED, struct span path, struct span args)
{
	return buf_printf(&seen, "from %.*s %.*s;", SPAN_ARG(path), SPAN_ARG(args));
}

static const struct milter_edits edits = {
	.add = on_add, .insert = on_insert, .change = on_change, .body = on_body, .quarantine = on_quarantine,
	.add_rcpt = on_add_rcpt, .delete_rcpt = on_delete_rcpt, .change_from = on_from,
};

/* Begin a milter whose other end runs `script`. */
static void
begin(void (*script)(int fd), uint64_t timeout_ms)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0)
		_exit(1);
	peer = fork();
	if (peer == 0) {
		close(fds[0]);
		script(fds[1]);
		_exit(0);
	}
	close(fds[1]);
	buf_init(&seen, 10000);
	m = milter_new(fds[0], timeout_ms, macro, NULL);
}

static void
end(void)
{
	int status;

	milter_free(&m);
	buf_free(&seen);
	waitpid(peer, &status, 0);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the milter saw what it expected");
}

static enum milter_outcome
whole_message(void)
{
	enum milter_outcome o = milter_mail(m, SPAN("<a@b>"), SPAN("SIZE=10 BODY=7BIT"));
	bool enough;

	if (o == MILTER_CONTINUE)
		o = milter_rcpt(m, SPAN("<c@d>"), SPAN_NONE);
	if (o == MILTER_CONTINUE)
		o = milter_data(m);
	if (o == MILTER_CONTINUE)
		o = milter_header(m, SPAN("Subject"), SPAN(" a\r\n b"));
	if (o == MILTER_CONTINUE)
		o = milter_eoh(m);
	if (o == MILTER_CONTINUE)
		o = milter_body(m, SPAN("text\r\n"), &enough);
	return o == MILTER_CONTINUE ? milter_end(m, &edits) : o;
}

/* -- a milter that wants everything and changes everything -------------------- */

static void
expect(int fd, char want, const char *data, size_t n)
{
	struct buf text;

	buf_init(&text, LIMIT_MILTER_PACKET);
	if (next_packet(fd, &text) != want || span_search(buf_view(&text), span_make(data, n)) < 0)
		_exit(2);
	buf_free(&text);
}

static void
script_full(int fd)
{
	negotiate(fd, 6, MILTER_OUR_ACTIONS, 0, SPAN(""));
	expect(fd, 'C', "Cclient\0" "4\x30\x39" "192.0.2.1", 20);
	reply(fd, 'c', SPAN(""));
	expect(fd, 'H', "Hhelo", 6);
	reply(fd, 'c', SPAN(""));
	expect(fd, 'M', "i\0queue-id\0M<a@b>\0SIZE=10\0BODY=7BIT", 36);
	reply(fd, 'c', SPAN(""));
	expect(fd, 'R', "R<c@d>", 7);
	reply(fd, 'c', SPAN(""));
	expect(fd, 'T', "T", 1);
	reply(fd, 'c', SPAN(""));
	expect(fd, 'L', "LSubject\0a\n b", 14);
	reply(fd, 'c', SPAN(""));
	expect(fd, 'N', "N", 1);
	reply(fd, 'c', SPAN(""));
	expect(fd, 'B', "Btext\r\n", 7);
	reply(fd, 'c', SPAN(""));
	expect(fd, 'E', "E", 1);
	reply(fd, 'p', SPAN(""));
	reply(fd, 'h', SPAN("X-New\0v\nw\0"));
	reply(fd, 'h', SPAN("X-End\0v\r\n\n\0"));
	reply(fd, 'i', SPAN("\0\0\0\1X-Top\0t\0"));
	reply(fd, 'm', SPAN("\0\0\0\2Subject\0\0"));
	reply(fd, 'b', SPAN("new "));
	reply(fd, 'b', SPAN("body"));
	reply(fd, 'q', SPAN("odd\0"));
	reply(fd, '+', SPAN("<new@x>\0"));
	reply(fd, '2', SPAN("<par@x>\0NOTIFY=NEVER\0"));
	reply(fd, '2', SPAN("bare@x\0"));
	reply(fd, '-', SPAN("<c@d>\0"));
	reply(fd, 'e', SPAN("<other@x>\0RET=HDRS\0"));
	reply(fd, 'c', SPAN(""));
	expect(fd, 'K', "K", 1);
}

static void
test_full(void)
{
	struct addr peer_addr;

	begin(script_full, 5000);
	is_num(milter_negotiate(m), MILTER_CONTINUE, "agreement");
	ok(addr_parse(SPAN("192.0.2.1"), &peer_addr), "an address");
	peer_addr.port = 12345;
	is_num(milter_connect(m, SPAN("client"), &peer_addr), MILTER_CONTINUE, "connect");
	is_num(milter_helo(m, SPAN("helo")), MILTER_CONTINUE, "helo");
	is_num(whole_message(), MILTER_CONTINUE, "a whole message");
	is_span(buf_view(&seen), "add X-New: v\r\n\tw;add X-End: v;insert 1 X-Top: t;change 2 Subject:;body first new ;body body;"
		"quarantine odd;rcpt+ <new@x> ;rcpt+ <par@x> NOTIFY=NEVER;rcpt+ bare@x ;rcpt- <c@d>;"
		"from <other@x> RET=HDRS;", "every change arrives, with line ends made whole");
	ok(milter_quit(m), "the connection may serve the next session");
	end();
}

/* -- a milter that wants next to nothing -------------------------------------- */

static void
script_quiet(int fd)
{
	negotiate(fd, 6, 0, MILTER_NO_CONNECT | MILTER_NO_HELO | MILTER_NO_RCPT | MILTER_NO_DATA | MILTER_NO_BODY |
		  MILTER_QUIET_HEADER | MILTER_QUIET_MAIL | MILTER_QUIET_HEADER_END | MILTER_LEADING_SPACE,
		  SPAN("\0\0\0\2j\0"));
	expect(fd, 'M', "j\0mx.example", 12);
	expect(fd, 'L', "Subject\0 a\n b", 14);
	expect(fd, 'N', "", 0);
	expect(fd, 'E', "", 0);
	reply(fd, 'y', SPAN("554 5.7.9 Not \"this\"\0"));
}

static void
test_quiet(void)
{
	struct addr none = { .family = AF_UNIX };

	begin(script_quiet, 5000);
	is_num(milter_negotiate(m), MILTER_CONTINUE, "agreement");
	is_num(milter_connect(m, SPAN("x"), &none), MILTER_CONTINUE, "a step that is not wanted");
	is_num(whole_message(), MILTER_REFUSED, "only the end is answered");
	is_num(milter_verdict(m)->code, 554, "the milter's own code");
	is_text(milter_verdict(m)->status, "5.7.9", "status");
	is_text(milter_verdict(m)->text, "Not \"this\"", "and text");
	end();
}

/* -- answers to MAIL, good and bad -------------------------------------------- */

static struct span answer_data;
static char answer_kind;

static void
script_answer(int fd)
{
	negotiate(fd, 6, 0, 0, SPAN(""));
	expect(fd, 'M', "", 0);
	reply(fd, answer_kind, answer_data);
}

static enum milter_outcome
answered(char kind, struct span data)
{
	enum milter_outcome o;

	answer_kind = kind;
	answer_data = data;
	begin(script_answer, 5000);
	if (milter_negotiate(m) != MILTER_CONTINUE)
		return MILTER_FAILED;
	o = milter_mail(m, SPAN("<>"), SPAN_NONE);
	return o;
}

static void
test_answers(void)
{
	static const struct { char kind; struct span data; enum milter_outcome want; int code; const char *name; } table[] = {
		{ 'a', { "", 0 }, MILTER_ACCEPT, 0, "accept" }, { 'd', { "", 0 }, MILTER_DISCARD, 0, "discard" },
		{ 'r', { "", 0 }, MILTER_REFUSED, 550, "reject" }, { 't', { "", 0 }, MILTER_REFUSED, 451, "tempfail" },
		{ '4', { "", 0 }, MILTER_REFUSED, 421, "shutdown" },
		{ 'y', { "451 4.7.1 Later", 16 }, MILTER_REFUSED, 451, "a temporary reply" },
		{ 'y', { "550-5.7.1 a\r\n550 5.7.1 b", 25 }, MILTER_REFUSED, 550, "a reply of two lines" },
		{ 'y', { "250 2.0.0 fine", 15 }, MILTER_FAILED, 0, "a reply that would be a success" },
		{ 'y', { "nonsense", 9 }, MILTER_FAILED, 0, "a reply that is none" },
		{ 'y', { "550 no end", 10 }, MILTER_FAILED, 0, "a reply without its NUL" },
		{ 'y', { "", 0 }, MILTER_FAILED, 0, "an empty reply" },
		{ 'h', { "X\0y", 4 }, MILTER_FAILED, 0, "a change before the end" },
		{ 's', { "", 0 }, MILTER_FAILED, 0, "a skip where nothing is skipped" },
		{ 'f', { "", 0 }, MILTER_FAILED, 0, "a connection that the milter gives up" },
		{ 'Z', { "", 0 }, MILTER_FAILED, 0, "an unknown answer" },
	};

	for (size_t i = 0; i < PB_COUNT(table); i++) {
		is_num(answered(table[i].kind, table[i].data), table[i].want, table[i].name);
		if (table[i].want == MILTER_REFUSED)
			is_num(milter_verdict(m)->code, table[i].code, "its code");
		if (table[i].want == MILTER_FAILED)
			is_num(milter_helo(m, SPAN("x")), MILTER_FAILED, "after a failure all fails");
		end();
	}
}

/* -- edits that are none -------------------------------------------------------- */

static void
script_edit(int fd)
{
	negotiate(fd, 6, MILTER_OUR_ACTIONS, MILTER_NO_MAIL | MILTER_NO_RCPT | MILTER_NO_DATA | MILTER_NO_HEADER |
		  MILTER_NO_HEADER_END | MILTER_NO_BODY, SPAN(""));
	expect(fd, 'E', "", 0);
	reply(fd, answer_kind, answer_data);
	reply(fd, 'c', SPAN(""));
}

static void
test_bad_edits(void)
{
	static const struct { char kind; struct span data; const char *name; } table[] = {
		{ 'h', { "X: y\0z", 7 }, "a name with a colon" }, { 'h', { "\0z", 3 }, "an empty name" },
		{ 'h', { "X\0z", 3 }, "a value without its NUL" }, { 'h', { "", 0 }, "nothing" },
		{ '+', { "<a@b>", 5 }, "a recipient without its NUL" }, { '2', { "<a@b>\0X=1", 9 }, "half parameters" },
		{ 'e', { "", 0 }, "no sender" }, { '-', { "x", 1 }, "half a recipient" },
		{ 'i', { "\0\0\1", 3 }, "half an index" }, { 'm', { "\0\0\0\1X", 5 }, "no value" },
		{ 'h', { "X\r\nEvil\0z", 10 }, "a name with a line end" }, { 'q', { "x", 1 }, "no NUL" },
	};

	for (size_t i = 0; i < PB_COUNT(table); i++) {
		answer_kind = table[i].kind;
		answer_data = table[i].data;
		begin(script_edit, 5000);
		is_num(milter_negotiate(m), MILTER_CONTINUE, "agreement");
		is_num(whole_message(), MILTER_FAILED, table[i].name);
		is_num((long long)seen.n, 0, "and nothing was changed");
		end();
	}
}

/* -- announcements, skips, and steps that few milters want ------------------------- */

static uint32_t announced;

static void
script_unannounced(int fd)
{
	negotiate(fd, 6, announced, MILTER_NO_MAIL | MILTER_NO_RCPT | MILTER_NO_DATA | MILTER_NO_HEADER |
		  MILTER_NO_HEADER_END | MILTER_NO_BODY, SPAN(""));
	expect(fd, 'E', "", 0);
	reply(fd, answer_kind, answer_data);
	reply(fd, 'c', SPAN(""));
}

static void
test_unannounced(void)
{
	static const struct { char kind; struct span data; uint32_t action; } table[] = {
		{ 'h', { "X\0y", 4 }, MILTER_MAY_ADD }, { 'i', { "\0\0\0\1X\0y", 8 }, MILTER_MAY_ADD },
		{ 'm', { "\0\0\0\1X\0y", 8 }, MILTER_MAY_CHANGE }, { 'b', { "x", 1 }, MILTER_MAY_BODY },
		{ 'q', { "x", 2 }, MILTER_MAY_QUARANTINE }, { '+', { "a@b", 4 }, MILTER_MAY_ADD_RCPT },
		{ '2', { "a@b", 4 }, MILTER_MAY_ADD_RCPT_ARGS }, { '-', { "a@b", 4 }, MILTER_MAY_DELETE_RCPT },
		{ 'e', { "a@b", 4 }, MILTER_MAY_FROM },
	};

	for (size_t i = 0; i < 2 * PB_COUNT(table); i++) {
		bool may = i % 2 == 0;

		answer_kind = table[i / 2].kind;
		answer_data = table[i / 2].data;
		announced = may ? table[i / 2].action : MILTER_OUR_ACTIONS & ~table[i / 2].action;
		begin(script_unannounced, 5000);
		is_num(milter_negotiate(m), MILTER_CONTINUE, "agreement");
		is_num(whole_message(), may ? MILTER_CONTINUE : MILTER_FAILED,
			may ? "a change that was announced" : "one that was not");
		ok((seen.n > 0) == may, "is made or not: %c", answer_kind);
		end();
	}
}

static void
script_skips(int fd)
{
	negotiate(fd, 6, 0, MILTER_CAN_SKIP | MILTER_NO_MAIL | MILTER_NO_DATA | MILTER_NO_HEADER_END, SPAN(""));
	expect(fd, 'R', "", 0);
	reply(fd, 's', SPAN(""));
	expect(fd, 'L', "", 0);
	reply(fd, 's', SPAN(""));
	expect(fd, 'B', "", 0);
	reply(fd, 's', SPAN(""));
	expect(fd, 'E', "", 0);
	reply(fd, 'c', SPAN(""));
	expect(fd, 'R', "", 0);
	reply(fd, 'c', SPAN(""));
}

static void
test_skips(void)
{
	bool enough;

	begin(script_skips, 5000);
	is_num(milter_negotiate(m), MILTER_CONTINUE, "agreement");
	is_num(milter_mail(m, SPAN("<>"), SPAN_NONE), MILTER_CONTINUE, "mail");
	is_num(milter_rcpt(m, SPAN("<a@b>"), SPAN_NONE), MILTER_CONTINUE, "a recipient");
	is_num(milter_rcpt(m, SPAN("<c@d>"), SPAN_NONE), MILTER_CONTINUE, "another is not told");
	is_num(milter_header(m, SPAN("A"), SPAN(" b")), MILTER_CONTINUE, "a field");
	is_num(milter_header(m, SPAN("C"), SPAN(" d")), MILTER_CONTINUE, "another is not told");
	is_num(milter_body(m, SPAN("x"), &enough), MILTER_CONTINUE, "a piece of body");
	ok(enough, "is enough");
	is_num(milter_end(m, &edits), MILTER_CONTINUE, "the end");
	is_num(milter_mail(m, SPAN("<>"), SPAN_NONE), MILTER_CONTINUE, "in the next message");
	is_num(milter_rcpt(m, SPAN("<a@b>"), SPAN_NONE), MILTER_CONTINUE, "all begins anew");
	end();
}

static void
script_refused(int fd)
{
	negotiate(fd, 6, 0, MILTER_SHOW_REFUSED | MILTER_NO_MAIL, SPAN(""));
	expect(fd, 'R', "R<no@d>\0X=1", 11);
	reply(fd, 'c', SPAN(""));
}

static void
test_refused(void)
{
	begin(script_refused, 5000);
	is_num(milter_negotiate(m), MILTER_CONTINUE, "agreement");
	is_num(milter_refused_rcpt(m, SPAN("<no@d>"), SPAN("X=1")), MILTER_CONTINUE, "a refused recipient is told");
	end();
}

static void
script_unknown(int fd)
{
	negotiate(fd, 6, 0, 0, SPAN(""));
	expect(fd, 'U', "UXYZZY now", 11);
	reply(fd, 'y', SPAN("502 5.5.1 not here\0"));
}

static void
test_unknown(void)
{
	begin(script_unknown, 5000);
	is_num(milter_negotiate(m), MILTER_CONTINUE, "agreement");
	is_num(milter_refused_rcpt(m, SPAN("<no@d>"), SPAN_NONE), MILTER_CONTINUE, "refused recipients only when asked for");
	is_num(milter_unknown(m, SPAN("XYZZY now")), MILTER_REFUSED, "an unknown command");
	is_num(milter_verdict(m)->code, 502, "with the milter's answer");
	end();
}

static void
script_old(int fd)
{
	negotiate(fd, announced, 0, MILTER_NO_MAIL, SPAN(""));
	if (announced >= 3) {
		expect(fd, 'U', "", 0);
		reply(fd, 'c', SPAN(""));
	}
	if (announced >= 4) {
		expect(fd, 'T', "", 0);
		reply(fd, 'c', SPAN(""));
	}
	expect(fd, 'N', "", 0);
	reply(fd, 'c', SPAN(""));
}

static void
test_versions(void)
{
	for (announced = 2; announced <= 6; announced++) {
		begin(script_old, 5000);
		is_num(milter_negotiate(m), MILTER_CONTINUE, "agreement with an older milter");
		is_num(milter_unknown(m, SPAN("X")), MILTER_CONTINUE, "UNKNOWN is of version 3");
		is_num(milter_data(m), MILTER_CONTINUE, "DATA of version 4");
		is_num(milter_eoh(m), MILTER_CONTINUE, "all else older");
		end();
	}
}

static void
test_lines(void)
{
	is_num(answered('y', SPAN("550-5.7.1 first\r\n550 5.7.1 second\0")), MILTER_REFUSED, "a reply in two lines");
	is_span(milter_text(m), "first\nsecond", "keeps them");
	is_text(milter_verdict(m)->text, "first second", "and has them in one for the log");
	end();
	is_num(answered('r', SPAN("")), MILTER_REFUSED, "a plain no");
	is_span(milter_text(m), "Command rejected", "has our words");
	end();
}

/* -- negotiation, lengths and time ------------------------------------------------ */

static struct span raw;

static void
script_raw(int fd)
{
	struct buf text;

	buf_init(&text, 1000);
	(void)next_packet(fd, &text);
	(void)!write(fd, raw.p, raw.n);
	if (raw.n > 0 && raw.p[0] == 'W')
		clock_sleep_ms(2000);
}

static void
test_bad_negotiation(void)
{
	static const struct { struct span raw; const char *name; } table[] = {
		{ { "", 0 }, "an end" }, { { "\0\0\0\0", 4 }, "a packet of no bytes" },
		{ { "\377\377\377\377O", 5 }, "a packet of 4 GiB" },
		{ { "\0\0\0\1O", 5 }, "no numbers" }, { { "\0\0\0\1c", 5 }, "another answer" },
		{ { "\0\0\0\15O\0\0\0\7\0\0\0\0\0\0\0\0", 17 }, "version 7" },
		{ { "\0\0\0\15O\0\0\0\6\0\0\2\0\0\0\0\0", 17 }, "an action that was not offered" },
		{ { "\0\0\0\15O\0\0\0\6\0\0\0\0\0\40\0\0", 17 }, "a step that was not offered" },
		{ { "\0\0\0\20O\0\0\0\6\0\0\0\0\0\0\0\0\0\0\0", 20 }, "half a wish" },
		{ { "\0\0\0\15O\0\0\0\6\0\0", 11 }, "half a packet" },
	};

	for (size_t i = 0; i < PB_COUNT(table); i++) {
		raw = table[i].raw;
		begin(script_raw, 5000);
		is_num(milter_negotiate(m), MILTER_FAILED, table[i].name);
		ok(milter_error(m)[0] != '\0', "says why: %s", milter_error(m));
		end();
	}
}

/* An answer in a packet of n bytes: "accept", and what nobody reads. */
static enum milter_outcome
answered_in(size_t n)
{
	char *data = mem_new(n);
	enum milter_outcome o = answered('a', span_make(data, n - 1));

	free(data);
	return o;
}

static void
test_packet_limit(void)
{
	is_num(answered_in(LIMIT_MILTER_PACKET), MILTER_ACCEPT, "a packet at LIMIT_MILTER_PACKET");
	end();
	is_num(answered_in(LIMIT_MILTER_PACKET + 1), MILTER_FAILED, "over LIMIT_MILTER_PACKET");
	is_text(milter_error(m), "a packet of an impossible length", "for its length");
	end();
}

static void
test_silence(void)
{
	uint64_t before = clock_ms();

	raw = SPAN("W");
	begin(script_raw, 200);
	is_num(milter_negotiate(m), MILTER_FAILED, "a silent milter");
	ok(clock_ms() - before < 1500, "costs its timeout and no more");
	end();
}

int
main(void)
{
	signal(SIGPIPE, SIG_IGN);
	test_full();
	test_quiet();
	test_answers();
	test_bad_edits();
	test_unannounced();
	test_skips();
	test_refused();
	test_unknown();
	test_versions();
	test_lines();
	test_bad_negotiation();
	test_packet_limit();
	test_silence();
	return done();
}
