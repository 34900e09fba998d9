/* Messages made fit for hosts that take no eight-bit text or no long lines. */
#include "base/base.h"
#include "base/base64.h"
#include "base/limits.h"
#include "body.h"
#include "tap.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

static struct body body;

static int
file_of(struct span text)
{
	int fd = memfd_create("message", MFD_CLOEXEC);

	if (fd < 0 || write(fd, text.p, text.n) != (ssize_t)text.n)
		_exit(99);
	return fd;
}

/* The message as a host gets that does not want these flaws; "no" when it cannot be made so. */
static struct span
converted(struct span text, unsigned unwanted)
{
	static struct buf out;
	int fd = file_of(text), got;

	if (out.max == 0)
		buf_init(&out, 4 << 20);
	buf_clear(&out);
	if (body_open(&body, fd, 0) != 0)
		_exit(98);
	if (unwanted != 0 && !body_survey(&body)) {
		close(fd);
		return SPAN("no");
	}
	body_rewind(&body, unwanted);
	while ((got = body_next(&body, &out)) > 0)
		;
	body_close(&body);
	close(fd);
	return got == 0 ? buf_view(&out) : SPAN("error");
}

static void
eight_bit(void)
{
	is_span(converted(SPAN("Subject: x\r\n\r\nabc\r\n"), BINARY_8BIT), "Subject: x\r\n\r\nabc\r\n", "ASCII stays as it is");
	is_span(converted(SPAN("Subject: x\r\n\r\n\xc3\xa4\r\n"), 0), "Subject: x\r\n\r\n\xc3\xa4\r\n", "so does everything when nothing is unwanted");
	is_span(converted(SPAN("Subject: x\r\n\r\n\xc3\xa4\r\n"), BINARY_8BIT),
		"Subject: x\r\nContent-Transfer-Encoding: base64\r\nMIME-Version: 1.0\r\n"
		"Content-Type: text/plain; charset=unknown-8bit\r\n\r\nw6QNCg==\r\n", "a message that knows no MIME learns it");
	is_span(converted(SPAN("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\xc3\xa4\r\n"), BINARY_8BIT),
		"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nw6QNCg==\r\n",
		"8bit becomes base64");
	is_span(converted(SPAN("MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
		"--b\r\n\r\nplain\r\n--b\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\xe4\r\n--b--\r\n"), BINARY_8BIT),
		"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"
		"--b\r\n\r\nplain\r\n--b\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n5A==\r\n--b--\r\n",
		"of parts only those that need it; the whole becomes 7bit");
	is_span(converted(SPAN("MIME-Version: 1.0\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\nSubject: y\r\n\r\n\xe4\r\n"), BINARY_8BIT),
		"MIME-Version: 1.0\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: 7bit\r\n\r\nSubject: y\r\n"
		"Content-Transfer-Encoding: base64\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=unknown-8bit\r\n\r\n5A0K\r\n",
		"a message in a message");
	(void)converted(SPAN("Subject: \xc3\xa4\r\n\r\nx\r\n"), BINARY_8BIT);
	ok(!body.is_plain && body.has_8bit, "a header that is not ASCII is seen");
	(void)converted(SPAN("Subject: a\r\n\r\n\xc3\xa4\r\n"), BINARY_8BIT);
	ok(body.is_plain && body.has_8bit && !body.has_long, "and one that is");
}

/* n bytes of x in the body, CRLF behind them. */
static struct span
with_line(size_t n, bool header)
{
	static struct buf b;

	if (b.max == 0)
		buf_init(&b, 1 << 20);
	buf_clear(&b);
	buf_text_put(&b, header ? "References:" : "Subject: x\r\n\r\n");
	for (size_t i = header ? 11 : 0; i < n; i++)
		buf_char(&b, header && i % 100 == 11 ? ' ' : 'x');
	buf_text_put(&b, header ? "\r\n\r\nbody\r\n" : "\r\n");
	return buf_view(&b);
}

static size_t
longest(struct span text)
{
	size_t most = 0;

	while (text.p != NULL) {
		struct span line = span_trim(span_cut(&text, '\n'));

		most = line.n > most ? line.n : most;
	}
	return most;
}

static void
long_lines(void)
{
	struct span in = with_line(BINARY_LINE, false), out;
	struct buf joined;

	out = converted(in, BINARY_LONG);
	ok(!body.has_long && span_eq(out, in), "a line of 998 bytes passes");
	out = converted(with_line(BINARY_LINE + 1, false), BINARY_LONG);
	ok(body.has_long, "one more is seen");
	ok(span_find(out, 'M') >= 0 && longest(out) <= BINARY_LINE, "and its part encoded");
	in = with_line(3000, true);
	out = converted(in, BINARY_LONG);
	ok(longest(out) <= BINARY_LINE, "a header line of 3000 is folded");
	buf_init(&joined, 1 << 20);
	for (size_t i = 0; i < out.n; i++)
		if (!(i + 2 < out.n && out.p[i] == '\r' && out.p[i + 2] == ' ') && !(i > 0 && i + 1 < out.n && out.p[i] == '\n' && out.p[i + 1] == ' '))
			buf_char(&joined, out.p[i]);
	ok(span_eq(buf_view(&joined), in), "and the same when it is unfolded");
	buf_free(&joined);
	is_span(converted(SPAN("Subject: x\r\n\r\nabc\xe4\r\n"), BINARY_LONG), "Subject: x\r\n\r\nabc\xe4\r\n", "eight bits are another matter");
}

static void
impossible(void)
{
	struct buf b;

	buf_init(&b, 4 << 20);
	buf_text_put(&b, "X:");
	for (int i = 0; i < 2000; i++)
		buf_char(&b, 'x');
	buf_text_put(&b, "\r\n\r\nbody\r\n");
	is_span(converted(buf_view(&b), BINARY_LONG), "no", "a header line without blanks cannot be folded");
	is_num(errno, 0, "and that is no fault of the disk");
	buf_clear(&b);
	buf_text_put(&b, "Content-Type: multipart/mixed; boundary=b\r\n\r\n");
	for (int i = 0; i < LIMIT_MIME_PARTS - 1; i++)
		buf_text_put(&b, "--b\r\n\r\n\xe4\r\n");
	ok(!span_is(converted(buf_view(&b), BINARY_8BIT), "no"), "as many parts as are looked at");
	buf_text_put(&b, "--b\r\n\r\n\xe4\r\n");
	is_span(converted(buf_view(&b), BINARY_8BIT), "no", "one more cannot be converted");
	buf_free(&b);
}

int
main(void)
{
	eight_bit();
	long_lines();
	impossible();
	return done();
}
