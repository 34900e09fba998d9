/*
 * dsn: the text of a delivery status notification (RFC 3464, RFC 6522).
 *
 * Trust: addresses, replies of other hosts and the original are hostile.
 * Each value that goes into a header or a status field is escaped to printable
 * ASCII and cut (VALUE_MAX), so that it stays one line; the original stands
 * between boundaries of which it is known not to contain one.
 */
#include "base/base.h"
#include "mail/dsn.h"
#include "mail/unitext.h"

#include <time.h>

#include "base/limits.h"

/* RFC 5322 2.1.1: 998 bytes a line; leaves room for the name of the field. */
#define VALUE_MAX 900
#define BOUNDARY_SIZE 96

/* What a status code means to somebody who has never seen one (RFC 3463). */
static const struct {
	const char *detail;
	const char *words;
} reasons[] = {
	{ "1.1", "There is no such mailbox." },
	{ "1.2", "There is no such domain, or it takes no mail." },
	{ "1.10", "The domain takes no mail." },
	{ "2.1", "The mailbox is disabled." },
	{ "2.2", "The mailbox is full." },
	{ "2.3", "The message is larger than the mailbox takes." },
	{ "3.4", "The message is too big for the other system." },
	{ "4.1", "The other system did not answer." },
	{ "4.3", "The address of the other system could not be found." },
	{ "4.4", "No way to the other system was found." },
	{ "4.6", "The message went in a circle." },
	{ "4.7", "The message could not be delivered in the time allowed." },
	{ "7.1", "The other system refused the message." },
};

/* How the notification speaks of its recipients, by the action of the first. */
struct wording {
	const char *subject, *intro, *end;
};

static const struct wording *
wording_of(const struct dsn *d)
{
	static const struct wording failed = {
		"Your message could not be delivered", "Your message could not be delivered to:",
		"No further attempt will be made for these recipients.  The beginning of\r\n"
		"your message is attached.",
	}, delayed = {
		"Your message is delayed", "Your message could not be delivered yet to:",
		"It will be tried again; you need not send it anew.  Its header is attached.",
	}, done = {
		"Your message was delivered", "Your message went to:",
		"You asked to be told of this.  The header of your message is attached.",
	};

	return d->rcpt[0].action == DSN_FAILED ? &failed : d->rcpt[0].action == DSN_DELAYED ? &delayed : &done;
}

static const char *
reason_of(const struct dsn_recipient *r)
{
	const struct verdict *v = &r->verdict;

	if (r->action == DSN_DELIVERED)
		return "It was put into the mailbox.";
	if (r->action == DSN_RELAYED)
		return "It was passed on to a system that will tell you nothing more.";
	for (size_t i = 0; i < PB_COUNT(reasons); i++)
		if (strlen(v->status) > 2 && strcmp(v->status + 2, reasons[i].detail) == 0)
			return reasons[i].words;
	if (r->action == DSN_DELAYED)
		return "The other system cannot take it now.";
	if (v->kind == VERDICT_TEMP)
		return "It was tried again and again, and has now been given up.";
	return "The message was refused.";
}

/* One line of printable ASCII, at most VALUE_MAX bytes of it. */
static void
put_value(struct buf *out, struct span s)
{
	char storage[VALUE_MAX + 1];
	struct buf b;

	buf_init_fixed(&b, storage, sizeof(storage));
	for (size_t i = 0; i < s.n && b.n + 4 <= VALUE_MAX; i++)
		buf_escaped(&b, span_make(s.p + i, 1));
	buf_span(out, buf_view(&b));
}

static void
put_field(struct buf *out, const char *name, struct span value)
{
	buf_text_put(out, name);
	put_value(out, value);
	buf_text_put(out, "\r\n");
}

/* "utf-8; address" in ASCII (RFC 6533 3), cut behind a character. */
static void
put_international(struct buf *out, const char *name, struct span address)
{
	char storage[VALUE_MAX + 1];
	struct buf b;

	buf_init_fixed(&b, storage, sizeof(storage));
	address = span_trim(address);
	while (address.n > 0 && b.n + UNITEXT_CHAR_MAX <= VALUE_MAX) {
		size_t n = unitext_next(address);

		unitext_print(span_first(address, n), true, &b);
		address = span_from(address, n);
	}
	buf_printf(out, "%s: utf-8;", name);
	buf_span(out, buf_view(&b));
	buf_text_put(out, "\r\n");
}

static void
put_original_recipient(struct buf *out, struct span orcpt)
{
	struct span address = orcpt, type = span_cut(&address, ';');

	if (span_is_nocase(type, "utf-8"))
		put_international(out, "Original-Recipient", address);
	else
		put_field(out, "Original-Recipient: ", orcpt);
}

static void
put_final_recipient(struct buf *out, struct span address)
{
	bool is_ascii = true;

	for (size_t i = 0; i < address.n; i++)
		is_ascii = is_ascii && (unsigned char)address.p[i] < 0x80;
	if (is_ascii)
		put_field(out, "Final-Recipient: rfc822; ", address);
	else
		put_international(out, "Final-Recipient", address);
}

/* RFC 5322 3.3, in UTC. */
static void
put_date(struct buf *out, const char *name, int64_t when)
{
	static const char days[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
		"Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	time_t t = (time_t)when;
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL || tm.tm_wday < 0 || tm.tm_mon < 0)
		return;
	buf_printf(out, "%s%s, %d %s %d %02d:%02d:%02d +0000\r\n", name, days[tm.tm_wday % 7],
	    tm.tm_mday, months[tm.tm_mon % 12], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* The end of the header section, the empty line left out; all when there is none. */
static struct span
header_section(struct span original)
{
	ssize_t end = span_search(original, SPAN("\r\n\r\n"));

	return end < 0 ? original : span_first(original, (size_t)end + 2);
}

/* At most max bytes, cut behind a line end. */
static struct span
whole_lines(struct span s, size_t max)
{
	ssize_t end;

	if (s.n > max)
		s = span_first(s, max);
	end = span_rfind(s, '\n');
	return span_first(s, (size_t)(end + 1));
}

struct returned {
	struct span text;
	bool full;
	bool eight_bit;
};

static struct returned
what_to_return(const struct dsn *d)
{
	struct returned r = { .text = d->original };

	/* RFC 3461 4.3: RET is about failures; of the rest the header section is enough. */
	r.full = d->return_full && d->rcpt[0].action == DSN_FAILED && d->original_is_whole && d->original.n <= LIMIT_DSN_ORIGINAL;
	if (!r.full)
		r.text = whole_lines(header_section(d->original), LIMIT_DSN_ORIGINAL);
	for (size_t i = 0; i < r.text.n && !r.eight_bit; i++)
		r.eight_bit = (unsigned char)r.text.p[i] > 0x7f;
	return r;
}

/* A boundary that stands nowhere in the returned text. */
static void
choose_boundary(char *out, size_t size, const struct dsn *d, struct span text)
{
	for (unsigned n = 0;; n++) {
		struct buf b;

		buf_init_fixed(&b, out, size);
		buf_text_put(&b, "=_report_");
		buf_span(&b, span_first(d->queue_id, 32));
		buf_printf(&b, "_%u", n);
		if (span_search(text, buf_view(&b)) < 0)
			return;
	}
}

static void
put_head(struct buf *out, const struct dsn *d, const char *boundary, bool eight_bit)
{
	buf_text_put(out, "Return-Path: <>\r\n");
	put_date(out, "Date: ", d->date);
	buf_text_put(out, "From: Mail Delivery System <mailer-daemon@");
	put_value(out, d->host);
	buf_text_put(out, ">\r\nTo: <");
	put_value(out, d->to);
	buf_printf(out, ">\r\nSubject: %s\r\nMessage-ID: <", wording_of(d)->subject);
	put_value(out, d->queue_id);
	buf_text_put(out, ".report@");
	put_value(out, d->host);
	buf_text_put(out, ">\r\nAuto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n");
	if (eight_bit)
		buf_text_put(out, "Content-Transfer-Encoding: 8bit\r\n");
	buf_printf(out, "Content-Type: multipart/report; report-type=delivery-status;\r\n"
	    "\tboundary=\"%s\"\r\n\r\n", boundary);
}

static void
put_verdict(struct buf *out, const struct verdict *v)
{
	char line[VERDICT_TEXT_MAX + 32];

	verdict_print(v, line, sizeof(line));
	put_value(out, span_of(line));
}

static void
put_words(struct buf *out, const struct dsn *d, const char *boundary)
{
	buf_printf(out, "--%s\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n", boundary);
	buf_printf(out, "%s\r\n", wording_of(d)->intro);
	for (size_t i = 0; i < d->nrcpt; i++) {
		const struct dsn_recipient *r = &d->rcpt[i];

		buf_text_put(out, "\r\n  <");
		put_value(out, r->address);
		buf_printf(out, ">\r\n    %s\r\n    ", reason_of(r));
		if (r->remote.n > 0) {
			put_value(out, span_first(r->remote, LIMIT_DOMAIN));
			buf_text_put(out, " said:\r\n    ");
		}
		put_verdict(out, &r->verdict);
		buf_text_put(out, "\r\n");
	}
	buf_printf(out, "\r\n%s\r\nThis notice was written by the mail server at\r\n", wording_of(d)->end);
	put_value(out, d->host);
	buf_text_put(out, ".\r\n\r\n");
}

static void
put_recipient_status(struct buf *out, const struct dsn_recipient *r)
{
	static const char *const actions[] = { "failed", "delayed", "delivered", "relayed" };

	buf_text_put(out, "\r\n");
	if (r->orcpt.n > 0)
		put_original_recipient(out, r->orcpt);
	put_final_recipient(out, r->address);
	buf_printf(out, "Action: %s\r\n", actions[r->action]);
	/* RFC 3464 2.3.4: a recipient that was given up keeps its 4.x.x status. */
	put_field(out, "Status: ", span_of(r->verdict.status));
	if (r->remote.n > 0) {
		put_field(out, "Remote-MTA: dns; ", r->remote);
		buf_text_put(out, "Diagnostic-Code: smtp; ");
	} else {
		buf_text_put(out, "Diagnostic-Code: x-pillarbox; ");
	}
	put_verdict(out, &r->verdict);
	buf_text_put(out, "\r\n");
}

static void
put_status(struct buf *out, const struct dsn *d, const char *boundary)
{
	buf_printf(out, "--%s\r\nContent-Type: message/delivery-status\r\n\r\n", boundary);
	if (d->envid.n > 0)
		put_field(out, "Original-Envelope-Id: ", d->envid);
	put_field(out, "Reporting-MTA: dns; ", d->host);
	if (d->arrival > 0)
		put_date(out, "Arrival-Date: ", d->arrival);
	for (size_t i = 0; i < d->nrcpt; i++)
		put_recipient_status(out, &d->rcpt[i]);
	buf_text_put(out, "\r\n");
}

static void
put_original(struct buf *out, const struct returned *r, const char *boundary)
{
	buf_printf(out, "--%s\r\nContent-Type: %s\r\n", boundary,
	    r->full ? "message/rfc822" : "text/rfc822-headers");
	if (r->eight_bit)
		buf_text_put(out, "Content-Transfer-Encoding: 8bit\r\n");
	buf_text_put(out, "\r\n");
	buf_span(out, r->text);
	buf_printf(out, "\r\n--%s--\r\n", boundary);
}

bool
dsn_write(struct buf *out, const struct dsn *d)
{
	struct returned r = what_to_return(d);
	char boundary[BOUNDARY_SIZE];

	choose_boundary(boundary, sizeof(boundary), d, r.text);
	put_head(out, d, boundary, r.eight_bit);
	put_words(out, d, boundary);
	put_status(out, d, boundary);
	put_original(out, &r, boundary);
	return !out->overflow;
}
