/* Replies of other servers: read within limits, whatever they send; ours printed. */
#include "base/base.h"
#include "smtp/reply.h"
#include "exact.h"
#include "tap.h"

static struct smtp_reply reply;
static enum smtp_reply_step step;

static void
feed(struct span line, void *ctx PB_UNUSED)
{
	step = smtp_reply_line(&reply, line);
}

/* Lines separated by "|". */
static enum smtp_reply_step
read_all(const char *text)
{
	struct span rest = span_of(text);

	smtp_reply_begin(&reply);
	do
		with_exact(span_cut(&rest, '|'), feed, NULL);
	while (rest.p != NULL && step == SMTP_REPLY_MORE);
	return step;
}

static void
test_good(void)
{
	struct verdict v;

	is_num(read_all("250 2.1.5 fine"), SMTP_REPLY_DONE, "one line");
	v = smtp_reply_verdict(&reply);
	is_num(v.code, 250, "its code");
	is_text(v.status, "2.1.5", "its status");
	is_text(v.text, "fine", "its text");
	is_num(read_all("550-5.1.1 no|550-5.1.1 such|550 5.1.1 user"), SMTP_REPLY_DONE, "three lines");
	v = smtp_reply_verdict(&reply);
	is_text(v.text, "no such user", "are one line of a verdict");
	is_text(v.status, "5.1.1", "with the status once");
	read_all("450 no status");
	is_text(smtp_reply_verdict(&reply).status, "4.0.0", "the class when there is no status");
	read_all("550 2.0.0 odd");
	is_text(smtp_reply_verdict(&reply).status, "5.0.0", "also when it is of another class");
	is_num(read_all("250"), SMTP_REPLY_DONE, "a code alone");
	is_num(read_all("354 go"), SMTP_REPLY_DONE, "an intermediate reply");
}

static void
test_bad(void)
{
	static const char *const bad[] = {
		"", "2", "25", "999 x", "100 x", "abc", "250x", "250-|5", "250-a|251 b", "250-a|", "2500 x", "-250 x"
	};
	struct buf text;

	for (size_t i = 0; i < PB_COUNT(bad); i++)
		is_num(read_all(bad[i]), SMTP_REPLY_BAD, bad[i]);
	buf_init(&text, 100000);
	for (int i = 0; i < 20; i++)
		buf_printf(&text, "250-%01000d|", i);
	buf_text_put(&text, "250 end");
	is_num(read_all(buf_text(&text)), SMTP_REPLY_DONE, "long lines are read on");
	ok(reply.cut && reply.text_n == LIMIT_SMTP_REPLY_TEXT - 1, "but not kept");
	buf_free(&text);
	smtp_reply_begin(&reply);
	with_exact(SPAN("550 a\0b\x1b[2J\r"), feed, NULL);
	is_text(smtp_reply_verdict(&reply).text, "a b\\x1b[2J\\x0d", "control characters do not get out");
}

static enum smtp_reply_step
read_lines(size_t n)
{
	enum smtp_reply_step result;
	struct buf text;

	buf_init(&text, 10 * n);
	for (size_t i = 1; i < n; i++)
		buf_text_put(&text, "250-more|");
	buf_text_put(&text, "250 end");
	result = read_all(buf_text(&text));
	buf_free(&text);
	return result;
}

/* A reply of two lines with n bytes of text, LF between them counted. */
static void
read_text(size_t n)
{
	struct buf text;

	buf_init(&text, n + 100);
	buf_text_put(&text, "250-a|250 ");
	for (size_t i = 2; i < n; i++)
		buf_char(&text, 'x');
	is_num(read_all(buf_text(&text)), SMTP_REPLY_DONE, "a long text is read to its end");
	buf_free(&text);
}

static void
test_limits(void)
{
	is_num(read_lines(LIMIT_SMTP_REPLY_LINES), SMTP_REPLY_DONE, "a reply at LIMIT_SMTP_REPLY_LINES");
	is_num(read_lines(LIMIT_SMTP_REPLY_LINES + 1), SMTP_REPLY_BAD, "over LIMIT_SMTP_REPLY_LINES");
	/* The limit counts a NUL. */
	read_text(LIMIT_SMTP_REPLY_TEXT - 1);
	ok(!reply.cut && reply.text_n == LIMIT_SMTP_REPLY_TEXT - 1, "text at LIMIT_SMTP_REPLY_TEXT is kept");
	read_text(LIMIT_SMTP_REPLY_TEXT);
	ok(reply.cut && reply.text_n == LIMIT_SMTP_REPLY_TEXT - 1, "text over LIMIT_SMTP_REPLY_TEXT is cut");
}

static void
test_ehlo(void)
{
	struct smtp_ehlo e;

	read_all("250-mx.example|250-PIPELINING|250-size 1000|250-8BITMIME|250-STARTTLS|250-DSN|"
		 "250-AUTH PLAIN CRAM-MD5 X-OTHER|250-AUTH=LOGIN|250-ENHANCEDSTATUSCODES|250 CHUNKING");
	smtp_ehlo_parse(&reply, &e);
	ok(e.pipelining && e.eightbitmime && e.starttls && e.dsn && e.enhancedstatuscodes && e.chunking, "extensions");
	ok(e.has_size && e.size == 1000, "SIZE");
	is_num(e.auth, SMTP_AUTH_PLAIN | SMTP_AUTH_CRAM_MD5 | SMTP_AUTH_LOGIN, "mechanisms");
	read_all("250 PIPELINING");
	smtp_ehlo_parse(&reply, &e);
	ok(!e.pipelining, "the first line is no extension");
	read_all("250-x|250-SIZE 99999999999999999999999|250 AUTH");
	smtp_ehlo_parse(&reply, &e);
	ok(e.has_size && e.size == 0 && e.has_auth && e.auth == 0, "nonsense values");
}

static void
test_print(void)
{
	struct buf out;

	buf_init(&out, 1000);
	smtp_reply_print(&out, 250, "2.0.0", SPAN("OK"));
	is_span(buf_view(&out), "250 2.0.0 OK\r\n", "one line");
	buf_clear(&out);
	smtp_reply_print(&out, 250, NULL, SPAN("a\nb"));
	is_span(buf_view(&out), "250-a\r\n250 b\r\n", "several lines");
	buf_clear(&out);
	smtp_reply_print(&out, 550, "5.1.1", SPAN("x\ry\0\xff"));
	is_span(buf_view(&out), "550 5.1.1 x?y??\r\n", "what is not printable cannot be forged in");
	buf_free(&out);
}

int
main(void)
{
	test_good();
	test_bad();
	test_limits();
	test_ehlo();
	test_print();
	return done();
}
