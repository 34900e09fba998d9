/* The text of a delivery status notification: RFC 3464, RFC 6522, hostile fields. */
#include "base/base.h"
#include "mail/dsn.h"

#include "base/limits.h"
#include "base/mem.h"
#include "mail/said.h"
#include "tap.h"

static struct dsn_recipient rcpt = {
	.address = SPAN("bob@example.net"),
	.orcpt = SPAN("rfc822;robert@example.net"),
};

static struct dsn
sample(void)
{
	rcpt.verdict = verdict_make(550, "5.1.1", "mx.example.net[192.0.2.7] said: no such user");
	rcpt.action = DSN_FAILED;
	return (struct dsn){
		.host = SPAN("mail.example.com"), .to = SPAN("alice@example.com"),
		.queue_id = SPAN("9223372036854775900"), .envid = SPAN("env-1"),
		.date = 1795305600, .arrival = 1795305000, .rcpt = &rcpt, .nrcpt = 1,
		.original = SPAN("From: a\r\nSubject: hello\r\n\r\nthe body\r\n"),
		.original_is_whole = true,
	};
}

static bool
has(const struct buf *b, const char *what)
{
	return span_search(buf_view(b), span_of(what)) >= 0;
}

static size_t
longest_line(struct span s)
{
	size_t longest = 0;

	while (s.p != NULL) {
		struct span line = span_cut(&s, '\n');

		if (line.n > longest)
			longest = line.n;
	}
	return longest;
}

static void
plain(struct buf *b)
{
	struct dsn d = sample();

	ok(dsn_write(b, &d), "an ordinary notification fits");
	ok(span_starts(buf_view(b), SPAN("Return-Path: <>\r\n")), "the reverse-path is null");
	ok(has(b, "\r\nTo: <alice@example.com>\r\n"), "it goes to the sender");
	ok(has(b, "\r\nAuto-Submitted: auto-replied\r\n"), "no responder answers it");
	ok(has(b, "There is no such mailbox."), "plain words");
	ok(has(b, "mx.example.net said:"), "who said it");
	ok(has(b, "\r\nFinal-Recipient: rfc822; bob@example.net\r\n"), "final recipient");
	ok(has(b, "\r\nOriginal-Recipient: rfc822;robert@example.net\r\n"), "original recipient");
	ok(has(b, "\r\nStatus: 5.1.1\r\n"), "status");
	ok(has(b, "\r\nOriginal-Envelope-Id: env-1\r\n"), "ENVID is given back");
	ok(has(b, "\r\nRemote-MTA: dns; mx.example.net\r\nDiagnostic-Code: smtp; 550 5.1.1 no such user\r\n"), "reply of the other host");
	ok(has(b, "The header of your message is attached"), "and what is attached");
	ok(has(b, "Date: Sun, 22 Nov 2026 00:00:00 +0000\r\n"), "date");
	ok(has(b, "text/rfc822-headers") && !has(b, "the body"), "only the header section comes back");
	rcpt.orcpt = SPAN("utf-8;j\xc3\xb6+\\@b\xc3\xbc.example");
	rcpt.address = SPAN("j\xc3\xb6@example.net");
	buf_clear(b);
	ok(dsn_write(b, &d) && has(b, "\r\nOriginal-Recipient: utf-8;j\\x{F6}\\x{2B}\\x{5C}@b\\x{FC}.example\r\n"),
		"an international original recipient is ASCII there (RFC 6533 3)");
	ok(has(b, "\r\nFinal-Recipient: utf-8;j\\x{F6}@example.net\r\n"), "and so is a final one");
	rcpt.orcpt = SPAN("rfc822;robert@example.net");
	rcpt.address = SPAN("bob@example.net");
	d.return_full = true;
	buf_clear(b);
	ok(dsn_write(b, &d) && has(b, "message/rfc822") && has(b, "the body"), "RET=FULL returns the body");
	ok(has(b, "\r\nYour message is attached"), "and says so");
	d.original_is_whole = false;
	buf_clear(b);
	ok(dsn_write(b, &d) && !has(b, "the body"), "a part is never returned as a whole");
}

static void
kinds(struct buf *b)
{
	struct dsn d = sample();

	d.ticket = SPAN("000000000042");
	rcpt.orcpt = SPAN_NONE;
	rcpt.given = SPAN("office@example.com");
	buf_clear(b);
	ok(dsn_write(b, &d) && has(b, "\r\n  <office@example.com>\r\n    which stands for <bob@example.net>\r\n"),
		"an alias is named by what the sender wrote");
	ok(has(b, "\r\nOriginal-Recipient: rfc822; office@example.com\r\nFinal-Recipient: rfc822; bob@example.net\r\n"),
		"in the fields too");
	ok(has(b, "finds your message by the number 000000000042.\r\n"), "what to ask the administrator for");
	rcpt.given = SPAN_NONE;
	rcpt.action = DSN_DELAYED;
	rcpt.verdict = verdict_make(451, "4.7.1", "greylisted");
	rcpt.retry_until = 1795305600 + 3600;
	d.return_full = true;
	buf_clear(b);
	ok(dsn_write(b, &d) && has(b, "\r\nSubject: Your message is delayed\r\n"), "a delay");
	ok(has(b, "\r\nAction: delayed\r\nStatus: 4.7.1\r\nDiagnostic-Code: x-pillarbox; 451 4.7.1 greylisted\r\n"
		"Will-Retry-Until: Sun, 22 Nov 2026 01:00:00 +0000\r\n"), "and until when it is tried");
	ok(has(b, "Attempts will be made until Sun, 22 Nov 2026 01:00:00 +0000\r\n"), "in words too");
	ok(!has(b, "the body"), "RET is about failures");
	rcpt.action = DSN_RELAYED;
	rcpt.verdict = verdict_make(250, "2.0.0", "mx[192.0.2.7] said: queued");
	buf_clear(b);
	ok(dsn_write(b, &d) && has(b, "\r\nAction: relayed\r\nStatus: 2.0.0\r\nRemote-MTA: dns; mx\r\n"), "relayed");
	ok(!has(b, "Will-Retry"), "with no word of attempts");
	rcpt.retry_until = 0;
	rcpt.orcpt = SPAN("rfc822;robert@example.net");
}

/* RFC 6533: to an internationalised sender as it is, to any other in ASCII. */
static void
international(struct buf *b)
{
	struct dsn d = sample();

	rcpt.address = SPAN("j\xc3\xb6+x@example.net");
	d.original = SPAN("From: \xc3\xa4\r\n\r\nthe body\r\n");
	d.original_is_smtputf8 = true;
	buf_clear(b);
	ok(dsn_write(b, &d) && !dsn_is_smtputf8(&d), "an ASCII sender gets ordinary mail");
	ok(has(b, "Content-Type: message/delivery-status\r\n\r\n"), "with the ordinary report");
	ok(has(b, "\r\nFinal-Recipient: utf-8;j\\x{F6}\\x{2B}x@example.net\r\n"), "in ASCII");
	ok(has(b, "text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n") && has(b, "  <j\xc3\xb6+x@example.net>\r\n"),
		"the words show it as it is");
	ok(has(b, "Content-Type: message/global-headers\r\nContent-Transfer-Encoding: 8bit\r\n\r\nFrom: \xc3\xa4\r\n"),
		"its header comes back as it was");
	d.to = SPAN("\xc3\xa4@example.com");
	d.return_full = true;
	buf_clear(b);
	ok(dsn_write(b, &d) && dsn_is_smtputf8(&d), "an internationalised sender gets internationalised mail");
	ok(has(b, "\r\nTo: <\xc3\xa4@example.com>\r\n"), "to his address as it is");
	ok(has(b, "Content-Type: message/global-delivery-status\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"), "with the report of RFC 6533");
	ok(has(b, "\r\nFinal-Recipient: utf-8;j\xc3\xb6\\x{2B}x@example.net\r\n"), "in UTF-8");
	ok(has(b, "Content-Type: message/global\r\n") && has(b, "the body"), "the whole comes back as message/global");
	d.original = SPAN("From: \xe4\r\n\r\nthe body\r\n");
	buf_clear(b);
	ok(dsn_write(b, &d) && has(b, "Content-Type: message/rfc822\r\n"), "what is no UTF-8 is not said to be");
	rcpt.address = SPAN("a\xc2\x85Status: 2.0.0@b\xff");
	buf_clear(b);
	ok(dsn_write(b, &d) && has(b, "  <a\\xc2\\x85Status: 2.0.0@b\\xff>"), "controls and broken characters are escaped");
	rcpt.address = SPAN("bob@example.net");
}

static void
said(void)
{
	struct verdict v = verdict_make(550, "5.1.1", "no [x] said: y"), w = said_verdict(&v, "mx.example", "192.0.2.1");
	struct span host, words;

	ok(said_parse(span_of(w.text), &host, &words), "what a host said is parted again");
	is_span(host, "mx.example", "who");
	is_span(words, "no [x] said: y", "and what, whatever it is");
	w = said_verdict(&v, "[192.0.2.1]", "192.0.2.1");
	ok(said_parse(span_of(w.text), &host, &words) && span_is(host, "192.0.2.1"), "a host without a name");
	w = said_verdict(&v, "", "2001:db8::1");
	ok(said_parse(span_of(w.text), &host, &words) && span_is(host, "2001:db8::1"), "and one of IPv6");
	ok(!said_parse(SPAN("the mailbox is full"), &host, &words), "words of ours are nobody's");
	ok(!said_parse(SPAN("cannot connect to a[1] said: x"), &host, &words), "nor are those with a blank before");
	ok(!said_parse(SPAN("[1] said: x"), &host, &words), "nor without a name");
	ok(!said_parse(SPAN("] said: a[b"), &host, &words), "nor the wrong way round");
}

static void
hostile(struct buf *b)
{
	struct dsn d = sample();
	char *many = mem_new(5001);

	memset(many, 'x', 5000);
	rcpt.verdict = verdict_make(550, "5.7.1", "no");
	rcpt.address = SPAN("a\r\nStatus: 2.0.0\r\n@b");
	buf_clear(b);
	ok(dsn_write(b, &d) && !has(b, "\nStatus: 2.0.0"), "an address forges no field");
	rcpt.address = span_make(many, 5000);
	buf_clear(b);
	ok(dsn_write(b, &d) && longest_line(buf_view(b)) <= 999, "no line over 998 bytes");
	rcpt.address = SPAN("bob@example.net");
	d.original = SPAN("X: --=_report_9223372036854775900_0\r\n\r\n");
	buf_clear(b);
	ok(dsn_write(b, &d) && has(b, "boundary=\"=_report_9223372036854775900_1\""),
	    "the boundary stands nowhere in the original");
	d.original = SPAN("Subject: \xc3\xa4\r\n\r\n");
	buf_clear(b);
	ok(dsn_write(b, &d) && has(b, "Content-Transfer-Encoding: 8bit"), "8-bit text is declared");
	d.original = SPAN("");
	buf_clear(b);
	ok(dsn_write(b, &d), "an empty original");
	free(many);
}

static void
large(struct buf *b)
{
	struct dsn d = sample();
	size_t n = 3 * LIMIT_DSN_ORIGINAL;
	char *text = mem_new(n);

	for (size_t i = 0; i < n; i++)
		text[i] = i % 70 == 68 ? '\r' : i % 70 == 69 ? '\n' : 'y';
	d.original = span_make(text, n);
	d.return_full = true;
	buf_clear(b);
	ok(dsn_write(b, &d) && b->n < LIMIT_DSN_ORIGINAL + 8192 && has(b, "text/rfc822-headers"),
	    "a large original is cut between lines");
	free(text);
}

/* A notification about an original of n bytes with a last line of its own, in the header section or behind it. */
static void
write_of(struct buf *b, size_t n, bool is_header)
{
	static const char last[] = "\r\nX: the end\r\n";
	struct dsn d = sample();
	char *text = mem_new(n);

	memset(text, 'y', n);
	if (!is_header)
		memcpy(text, "A: b\r\n\r\n", 8);
	memcpy(text + n - (sizeof(last) - 1), last, sizeof(last) - 1);
	d.original = span_make(text, n);
	d.return_full = !is_header;
	buf_clear(b);
	ok(dsn_write(b, &d), "an original of %zu bytes", n);
	free(text);
}

static void
limits(struct buf *b)
{
	write_of(b, LIMIT_DSN_ORIGINAL, false);
	ok(has(b, "message/rfc822") && has(b, "X: the"), "a message at LIMIT_DSN_ORIGINAL is returned whole");
	write_of(b, LIMIT_DSN_ORIGINAL + 1, false);
	ok(has(b, "text/rfc822-headers") && !has(b, "X: the"), "of one over LIMIT_DSN_ORIGINAL only the header");
	write_of(b, LIMIT_DSN_ORIGINAL, true);
	ok(has(b, "X: the"), "a header at LIMIT_DSN_ORIGINAL is returned whole");
	write_of(b, LIMIT_DSN_ORIGINAL + 1, true);
	ok(!has(b, "X: the") && has(b, "yyyy"), "the line that goes over LIMIT_DSN_ORIGINAL is not");
}

int
main(void)
{
	struct buf b, small;

	buf_init(&b, 1 << 20);
	buf_init(&small, 100);
	plain(&b);
	kinds(&b);
	international(&b);
	said();
	hostile(&b);
	large(&b);
	limits(&b);
	ok(!dsn_write(&small, &(struct dsn){ .host = SPAN("h"), .to = SPAN("t"), .rcpt = &rcpt, .nrcpt = 1 }),
	    "too small a buffer is an error");
	buf_free(&b);
	buf_free(&small);
	return done();
}
