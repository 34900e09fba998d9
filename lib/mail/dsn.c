/*
 * dsn: the text of a delivery status notification (RFC 3464, RFC 6522, RFC 6533).
 *
 * Trust: addresses, replies of other hosts and the original are hostile.
 * Each value that goes into a header or a status field is escaped and cut
 * (DSN_VALUE_MAX), so that it stays one line; the original stands between
 * boundaries of which it is known not to contain one.
 */
#include "base/base.h"
#include "mail/dsn.h"
#include "mail/dsn_parts.h"

#include <time.h>

#include "base/limits.h"
#include "mail/charset.h"
#include "mail/said.h"
#include "mail/unitext.h"

#define BOUNDARY_SIZE 96

bool
dsn_is_ascii(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] > 0x7f)
			return false;
	return true;
}

bool
dsn_is_smtputf8(const struct dsn *d)
{
	return !dsn_is_ascii(d->to);
}

void
dsn_put_value(struct buf *out, struct span s)
{
	char storage[DSN_VALUE_MAX + 1];
	struct buf b;

	buf_init_fixed(&b, storage, sizeof(storage));
	for (size_t i = 0; i < s.n && b.n + 4 <= DSN_VALUE_MAX; i++)
		buf_escaped(&b, span_make(s.p + i, 1));
	buf_span(out, buf_view(&b));
}

/* Characters of several bytes go as they are; C1 controls (U+0080 to U+009F) do not. */
void
dsn_put_utf8(struct buf *out, struct span s)
{
	char storage[DSN_VALUE_MAX + 1];
	struct buf b;

	buf_init_fixed(&b, storage, sizeof(storage));
	while (s.n > 0 && b.n + UNITEXT_CHAR_MAX <= DSN_VALUE_MAX) {
		size_t n = unitext_next(s);

		if (n > 1 && !((unsigned char)s.p[0] == 0xc2 && (unsigned char)s.p[1] < 0xa0))
			buf_span(&b, span_first(s, n));
		else
			buf_escaped(&b, span_first(s, n));
		s = span_from(s, n);
	}
	buf_span(out, buf_view(&b));
}

void
dsn_put_verdict(struct buf *out, const struct verdict *v, struct span text)
{
	buf_printf(out, "%d %s ", v->code, v->status);
	dsn_put_value(out, text);
}

void
dsn_put_date(struct buf *out, const char *name, int64_t when)
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

/* -- status fields ----------------------------------------------------------- */

static void
put_field(struct buf *out, const char *name, struct span value)
{
	buf_text_put(out, name);
	dsn_put_value(out, value);
	buf_text_put(out, "\r\n");
}

/*
 * "utf-8;address": in ASCII (RFC 6533 3, utf-8-addr-xtext) but in the
 * internationalised form of the report.  Cut behind a character.
 */
static void
put_international(struct buf *out, const char *name, struct span address, bool smtputf8)
{
	char storage[DSN_VALUE_MAX + 1];
	struct buf b;

	buf_init_fixed(&b, storage, sizeof(storage));
	address = span_trim(address);
	while (address.n > 0 && b.n + UNITEXT_CHAR_MAX <= DSN_VALUE_MAX) {
		size_t n = unitext_next(address);

		unitext_print(span_first(address, n), !smtputf8, &b);
		address = span_from(address, n);
	}
	buf_printf(out, "%s: utf-8;", name);
	buf_span(out, buf_view(&b));
	buf_text_put(out, "\r\n");
}

static void
put_address(struct buf *out, const char *name, struct span address, bool smtputf8)
{
	if (!dsn_is_ascii(address)) {
		put_international(out, name, address, smtputf8);
		return;
	}
	buf_printf(out, "%s: rfc822; ", name);
	dsn_put_value(out, address);
	buf_text_put(out, "\r\n");
}

/* RFC 3461 6.3: the one of ORCPT; without it the one that was given to us, when that is another. */
static void
put_original_recipient(struct buf *out, const struct dsn_recipient *r, bool smtputf8)
{
	struct span address = r->orcpt, type = span_cut(&address, ';');

	if (r->orcpt.n > 0 && span_is_nocase(type, "utf-8"))
		put_international(out, "Original-Recipient", address, smtputf8);
	else if (r->orcpt.n > 0)
		put_field(out, "Original-Recipient: ", r->orcpt);
	else if (r->given.n > 0)
		put_address(out, "Original-Recipient", r->given, smtputf8);
}

static void
put_recipient_status(struct buf *out, const struct dsn_recipient *r, bool smtputf8)
{
	static const char *const actions[] = { "failed", "delayed", "delivered", "relayed" };
	struct span host, words = span_of(r->verdict.text);

	buf_text_put(out, "\r\n");
	put_original_recipient(out, r, smtputf8);
	put_address(out, "Final-Recipient", r->address, smtputf8);
	buf_printf(out, "Action: %s\r\n", actions[r->action]);
	/* RFC 3464 2.3.4: a recipient that was given up keeps its 4.x.x status. */
	put_field(out, "Status: ", span_of(r->verdict.status));
	if (said_parse(words, &host, &words)) {
		put_field(out, "Remote-MTA: dns; ", host);
		buf_text_put(out, "Diagnostic-Code: smtp; ");
	} else {
		buf_text_put(out, "Diagnostic-Code: x-pillarbox; ");
	}
	dsn_put_verdict(out, &r->verdict, words);
	buf_text_put(out, "\r\n");
	if (r->action == DSN_DELAYED && r->retry_until > 0)
		dsn_put_date(out, "Will-Retry-Until: ", r->retry_until);
}

static void
put_status(struct buf *out, const struct dsn *d, const char *boundary)
{
	bool smtputf8 = dsn_is_smtputf8(d);

	buf_printf(out, "--%s\r\nContent-Type: message/%sdelivery-status\r\n", boundary, smtputf8 ? "global-" : "");
	if (smtputf8)
		buf_text_put(out, "Content-Transfer-Encoding: 8bit\r\n");
	buf_text_put(out, "\r\n");
	if (d->envid.n > 0)
		put_field(out, "Original-Envelope-Id: ", d->envid);
	put_field(out, "Reporting-MTA: dns; ", d->host);
	if (d->arrival > 0)
		dsn_put_date(out, "Arrival-Date: ", d->arrival);
	for (size_t i = 0; i < d->nrcpt; i++)
		put_recipient_status(out, &d->rcpt[i], smtputf8);
	buf_text_put(out, "\r\n");
}

/* -- the original --------------------------------------------------------------- */

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
	const char *type;
};

static struct returned
what_to_return(const struct dsn *d)
{
	struct returned r = { .text = d->original };
	struct span header = header_section(d->original);
	bool global = d->original_is_smtputf8 && !dsn_is_ascii(header) && charset_is_utf8(header);

	/* RFC 3461 4.3: RET is about failures; of the rest the header section is enough. */
	r.full = d->return_full && d->rcpt[0].action == DSN_FAILED && d->original_is_whole && d->original.n <= LIMIT_DSN_ORIGINAL;
	if (!r.full)
		r.text = whole_lines(header, LIMIT_DSN_ORIGINAL);
	r.eight_bit = !dsn_is_ascii(r.text);
	if (r.full)
		r.type = global ? "message/global" : "message/rfc822";
	else
		r.type = global ? "message/global-headers" : "text/rfc822-headers";
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
put_original(struct buf *out, const struct returned *r, const char *boundary)
{
	buf_printf(out, "--%s\r\nContent-Type: %s\r\n", boundary, r->type);
	if (r->eight_bit)
		buf_text_put(out, "Content-Transfer-Encoding: 8bit\r\n");
	buf_text_put(out, "\r\n");
	buf_span(out, r->text);
	buf_printf(out, "\r\n--%s--\r\n", boundary);
}

/* -- the message ------------------------------------------------------------------ */

static void
put_head(struct buf *out, const struct dsn *d, const char *boundary, bool eight_bit)
{
	buf_text_put(out, "Return-Path: <>\r\n");
	dsn_put_date(out, "Date: ", d->date);
	buf_text_put(out, "From: Mail Delivery System <mailer-daemon@");
	dsn_put_value(out, d->host);
	buf_text_put(out, ">\r\nTo: <");
	dsn_put_utf8(out, d->to);
	buf_printf(out, ">\r\nSubject: %s\r\nMessage-ID: <", dsn_subject(d));
	dsn_put_value(out, d->queue_id);
	buf_text_put(out, ".report@");
	dsn_put_value(out, d->host);
	buf_text_put(out, ">\r\nAuto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n");
	if (eight_bit)
		buf_text_put(out, "Content-Transfer-Encoding: 8bit\r\n");
	buf_printf(out, "Content-Type: multipart/report; report-type=delivery-status;\r\n"
	    "\tboundary=\"%s\"\r\n\r\n", boundary);
}

static void
put_text(struct buf *out, const struct dsn *d, const char *boundary, bool returns_all)
{
	buf_printf(out, "--%s\r\n", boundary);
	if (dsn_words_are_utf8(d))
		buf_text_put(out, "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n");
	else
		buf_text_put(out, "Content-Type: text/plain; charset=us-ascii\r\n\r\n");
	dsn_put_words(out, d, returns_all);
}

bool
dsn_write(struct buf *out, const struct dsn *d)
{
	struct returned r = what_to_return(d);
	char boundary[BOUNDARY_SIZE];

	choose_boundary(boundary, sizeof(boundary), d, r.text);
	put_head(out, d, boundary, r.eight_bit || dsn_words_are_utf8(d) || dsn_is_smtputf8(d));
	put_text(out, d, boundary, r.full);
	put_status(out, d, boundary);
	put_original(out, &r, boundary);
	return !out->overflow;
}
