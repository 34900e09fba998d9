/* What stands against a transfer as such: bytes, header, counts, demands, and checkers that cannot be asked. */
#include "base/base.h"
#include "policy/transfer.h"
#include "tap.h"

static struct buf why;

/* The lines of the decision before. */
static void
lines(const char *want, const char *name)
{
	is_span(buf_view(&why), want, name);
	buf_clear(&why);
}

static void
test_text(void)
{
	struct policy_text f = { .line_max = 998 };
	struct verdict v = policy_text(&f, &why);

	is_num(v.code, 250, "a text without flaws");
	lines("text ok 0 0\n", "and its line");
	f.parts_unreadable = true;
	is_text(policy_text(&f, &why).text, "The binary parts of the message cannot be read", "binary parts without an end");
	lines("binary-parts unreadable -100 -100\n", "and theirs");
	f.long_line = true;
	v = policy_text(&f, &why);
	is_text(v.text, "Line too long", "a long line");
	lines("line-limit 998 -100 -100\n", "names the limit");
	f.nul = true;
	v = policy_text(&f, &why);
	is_text(v.text, "NUL in message", "a NUL is told first");
	is_num(v.code, 554, "and refuses the message alone");
	lines("nul yes -100 -100\n", "in a line");
	f.bare_cr = true;
	v = policy_text(&f, &why);
	is_num(v.code, 521, "a bare CR ends the session");
	lines("bare-cr yes -100 -100\n", "and says so");
	f.bare_lf = true;
	v = policy_text(&f, &why);
	is_text(v.text, "Bare LF in message, closing connection", "so does a bare LF");
	lines("bare-lf yes -100 -100\n", "which comes first");
}

static void
test_header(void)
{
	struct policy_header f = { .bytes_max = 1000, .lines_max = 10 };

	is_num(policy_header(&f, &why).code, 250, "a header within bounds");
	lines("header ok 0 0\n", "and its line");
	f.too_many_lines = true;
	is_text(policy_header(&f, &why).text, "Header of more than 10 lines", "too many lines");
	lines("header-lines-limit 10 -100 -100\n", "with the limit");
	f.too_many_bytes = true;
	is_text(policy_header(&f, &why).text, "Header larger than 1000 bytes", "too many bytes");
	lines("header-bytes-limit 1000 -100 -100\n", "with theirs");
}

static void
test_counts(void)
{
	struct policy_rcpt_count f = { .named = 9, .max = 10, .overshot = 1, .overshoot_max = 2 };

	is_num(policy_messages(1000, 0, &why).code, 250, "no limit of messages");
	is_num(policy_messages(2, 3, &why).code, 250, "the third of three messages");
	lines("", "a count below its limit is not worth a line");
	is_num(policy_messages(3, 3, &why).code, 421, "the fourth ends the session");
	lines("messages-limit 3 -100 -100\n", "with its line");
	is_num(policy_rcpt_count(&f, &why).code, 250, "the tenth of ten recipients");
	f.named = 10;
	is_text(policy_rcpt_count(&f, &why).status, "4.5.3", "the next has to wait for another transaction");
	lines("recipients-limit 10 -100 -100\n", "with its line");
	f.overshot = 2;
	is_num(policy_rcpt_count(&f, &why).code, 452, "as often as that is borne");
	f.overshot = 3;
	buf_clear(&why);
	is_num(policy_rcpt_count(&f, &why).code, 421, "and then the session is over");
	lines("recipients-limit 10 -100 -100\novershoot-limit 2 -100 -200\n", "for both reasons");
	is_num(policy_unknown_rcpts(100, 0, &why).code, 250, "unknown recipients without end");
	is_num(policy_unknown_rcpts(3, 3, &why).code, 250, "or three");
	is_num(policy_unknown_rcpts(4, 3, &why).code, 421, "and not four (SMTPIN-13)");
	lines("unknown-recipients-limit 3 -100 -100\n", "with its line");
}

static void
test_demands(void)
{
	struct policy_demands f = { .requiretls = true, .tls = true, .now = 1000, .hold_max = 60 };
	int priority = -1;

	is_num(policy_demands(&f, &priority, &why).code, 250, "REQUIRETLS inside TLS");
	is_num(priority, 0, "no priority");
	f.tls = false;
	is_num(policy_demands(&f, &priority, &why).code, 555, "outside it is not offered");
	lines("requiretls-without-tls yes -100 -100\n", "which is told");
	f = (struct policy_demands){ .holds = true, .hold_until = 1060, .now = 1000, .hold_max = 60 };
	is_text(policy_demands(&f, &priority, &why).text, "FUTURERELEASE is not offered here", "a release that is not offered");
	lines("hold-not-offered yes -100 -100\n", "with its line");
	f.hold_offered = true;
	is_num(policy_demands(&f, &priority, &why).code, 250, "as late as may be");
	f.hold_until++;
	is_num(policy_demands(&f, &priority, &why).code, 501, "and no later");
	lines("hold-limit 60 -100 -100\n", "with the limit");
	f = (struct policy_demands){ .priority = 3 };
	is_num(policy_demands(&f, &priority, &why).code, 250, "a stranger's priority");
	is_num(priority, 0, "is lowered");
	lines("priority-lowered 3 0 0\n", "and that told");
	f.priority = -3;
	is_num(policy_demands(&f, &priority, &why).code + priority, 247, "but for one below 0");
	f = (struct policy_demands){ .priority = 3, .is_known = true };
	is_num(policy_demands(&f, &priority, &why).code + priority, 253, "who is known may overtake");
	lines("", "without a line");
}

static void
test_unasked(void)
{
	is_num(policy_unasked(POLICY_MILTER, SPAN("unix:x"), POLICY_FAIL_ACCEPT, &why).code, 250, "failMode accept");
	lines("milter-unasked unix:x 0 0\nfail-mode accept 0 0\n", "is told all the same");
	is_text(policy_unasked(POLICY_MILTER, SPAN("unix:x"), POLICY_FAIL_TEMPFAIL, &why).text,
		"A content filter is not available, try again later", "tempfail");
	lines("milter-unasked unix:x 0 0\nfail-mode tempfail -100 -100\n", "and its lines");
	is_num(policy_unasked(POLICY_SERVER, SPAN("inet:1@127.0.0.1"), POLICY_FAIL_REJECT, &why).code, 550, "reject");
	lines("policy-server-unasked inet:1@127.0.0.1 0 0\nfail-mode reject -100 -100\n", "for policy servers alike");
	is_num(policy_unasked(POLICY_SERVER, SPAN("x"), POLICY_FAIL_TEMPFAIL, NULL).code, 451, "without lines");
}

int
main(void)
{
	buf_init(&why, 1000);
	test_text();
	test_header();
	test_counts();
	test_demands();
	test_unasked();
	buf_free(&why);
	return done();
}
