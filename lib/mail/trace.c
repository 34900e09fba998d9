/*
 * trace: written and read without allocation; text from outside goes into
 * comments only after everything that could end a comment is replaced.
 */
#include "base/base.h"
#include "mail/trace.h"

#include "base/base64.h"
#include "mail/date.h"
#include "mail/header.h"

void
trace_return_path(struct span from, struct buf *out)
{
	buf_text_put(out, "Return-Path: <");
	buf_span(out, from);
	buf_text_put(out, ">\r\n");
}

/* Text inside a comment: nothing that could close it, at most 200 bytes. */
static void
put_comment_text(struct span s, struct buf *out)
{
	s = span_first(s, 200);
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		buf_char(out, c < 0x20 || c > 0x7e || strchr("()\\", c) != NULL ? '?' : c);
	}
}

/* What the server knows of the client, as RFC 5321 TCP-info: "(host [ip])". */
static void
put_tcp_info(const struct trace_received *r, struct buf *out)
{
	const char *blank = "";

	if (r->host.n == 0 && r->ip.n == 0 && r->comment.n == 0)
		return;
	buf_text_put(out, " (");
	if (r->host.n > 0) {
		put_comment_text(r->host, out);
		blank = " ";
	}
	if (r->ip.n > 0) {
		buf_printf(out, "%s[", blank);
		put_comment_text(r->ip, out);
		buf_char(out, ']');
		blank = " ";
	}
	if (r->comment.n > 0) {
		buf_text_put(out, blank);
		put_comment_text(r->comment, out);
	}
	buf_char(out, ')');
}

void
trace_received(const struct trace_received *r, struct buf *out)
{
	buf_text_put(out, "Received: from ");
	buf_span(out, r->helo);
	put_tcp_info(r, out);
	buf_text_put(out, "\r\n\tby ");
	buf_span(out, r->by);
	buf_text_put(out, " with ");
	buf_span(out, r->with);
	if (r->tls.n > 0) {
		buf_text_put(out, "\r\n\t(");
		put_comment_text(r->tls, out);
		buf_char(out, ')');
	}
	if (r->id.n > 0) {
		buf_text_put(out, "\r\n\tid ");
		buf_span(out, r->id);
	}
	if (r->recipient.n > 0) {
		buf_text_put(out, "\r\n\tfor <");
		buf_span(out, r->recipient);
		buf_char(out, '>');
	}
	buf_text_put(out, ";\r\n\t");
	date_print(r->date, r->zone, out);
	buf_text_put(out, "\r\n");
}

/* What is no printable byte of a line can stand in no log-in name either. */
void
trace_authenticated_as(struct span name, struct span address, struct buf *out)
{
	bool plain = true;

	for (size_t i = 0; i < address.n; i++)
		plain &= address.p[i] > ' ' && address.p[i] <= '~';
	buf_printf(out, "%.*s: ", SPAN_ARG(name));
	if (plain) {
		buf_span(out, address);
	} else {
		buf_text_put(out, "=?utf-8?B?");
		base64_encode(out, address);
		buf_text_put(out, "?=");
	}
	buf_put(out, "\r\n", 2);
}

void
trace_add_date(int64_t seconds, int zone, struct buf *out)
{
	buf_text_put(out, "Date: ");
	date_print(seconds, zone, out);
	buf_text_put(out, "\r\n");
}

void
trace_add_message_id(int64_t seconds, struct span unique, struct span host, struct buf *out)
{
	buf_printf(out, "Message-ID: <%lld.", (long long)seconds);
	buf_span(out, unique);
	buf_char(out, '@');
	buf_span(out, host);
	buf_text_put(out, ">\r\n");
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* True when the value of a Received field says it was taken by `host`. */
static bool
is_by(struct span value, struct span host)
{
	struct span word;

	do {
		size_t n = 0;

		value = span_trim(value);
		while (n < value.n && !is_space(value.p[n]))
			n++;
		word = span_first(value, n);
		value = span_from(value, n);
	} while (word.n > 0 && !span_is_nocase(word, "by"));
	value = span_trim(value);
	return span_starts_nocase(value, host) &&
	       (value.n == host.n || is_space(value.p[host.n]) || value.p[host.n] == ';');
}

static void
note_field(const struct header_field *f, struct span message, struct span our_host, struct trace_header *out)
{
	struct span value = span_trim(f->value);

	if (span_is_nocase(f->name, "Received")) {
		out->received++;
		if (our_host.n > 0 && is_by(f->value, our_host))
			out->received_by_us++;
	} else if (span_is_nocase(f->name, "Date")) {
		out->has_date = true;
	} else if (span_is_nocase(f->name, "Message-ID")) {
		if (!out->has_message_id && value.n > 0) {
			out->id_at = (size_t)(value.p - message.p);
			out->id_size = value.n;
		}
		out->has_message_id = true;
	} else if (span_is_nocase(f->name, "From")) {
		out->has_from = true;
	}
}

enum trace_flaw
trace_scan(struct span message, struct span our_host, struct trace_header *out)
{
	struct span rest = span_first(message, LIMIT_HEADER_BYTES + 1);
	struct header_field f;

	*out = (struct trace_header){ .end = 0 };
	while (header_next(&rest, &f)) {
		for (size_t i = 0; i < f.raw.n; i++)
			out->lines += f.raw.p[i] == '\n';
		out->end += f.raw.n;
		if (out->end > LIMIT_HEADER_BYTES)
			return TRACE_TOO_LARGE;
		if (out->lines > LIMIT_HEADER_LINES)
			return TRACE_TOO_MANY_LINES;
		if (f.valid)
			note_field(&f, message, our_host, out);
	}
	out->body = rest.p != NULL ? (size_t)(rest.p - message.p) : out->end;
	return TRACE_OK;
}
