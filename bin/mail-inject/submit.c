/*
 * submit: the client's side of SMTP (RFC 5321), commands pipelined up to DATA.
 *
 * The server adds Date and Message-ID and knows the caller by the socket.
 * Unless every recipient is taken nothing is sent, so that a caller that tries
 * again makes no second copy for those who had it.
 */
#include "base/base.h"
#include "submit.h"
#include "base/limits.h"
#include "smtp/data.h"
#include "smtp/path.h"
#include "smtp/reply.h"
#include "smtp/xtext.h"

#define WAIT_MS 300000

/* Read one reply; an exit code.  `want`: its first digit. */
static int
read_reply(struct stream *io, int want, struct smtp_reply *r)
{
	enum smtp_reply_step step = SMTP_REPLY_MORE;
	struct verdict v;

	smtp_reply_begin(r);
	stream_timeout(io, WAIT_MS);
	while (step == SMTP_REPLY_MORE) {
		struct span line;
		enum stream_result got = stream_line(io, LIMIT_SMTP_REPLY_LINE, &line);

		if (got != LINE_OK) {
			fprintf(stderr, "mail-inject: server: %s\n", stream_why(io, got));
			return INJECT_TRY_LATER;
		}
		step = smtp_reply_line(r, line);
	}
	if (step == SMTP_REPLY_BAD) {
		fprintf(stderr, "mail-inject: the server does not speak SMTP\n");
		return INJECT_TRY_LATER;
	}
	if (r->code / 100 == want)
		return INJECT_OK;
	v = smtp_reply_verdict(r);
	fprintf(stderr, "mail-inject: %d %s %s\n", v.code, v.status, v.text);
	if (v.kind != VERDICT_PERM)
		return INJECT_TRY_LATER;
	return strncmp(v.status, "5.1.", 4) == 0 ? INJECT_NO_USER : INJECT_UNAVAILABLE;
}

int
submit_greet(struct stream *io, char *host, size_t size)
{
	struct smtp_reply r;
	int result = read_reply(io, 2, &r);
	struct span text = span_make(r.text, r.text_n);
	struct span name;

	if (result != INJECT_OK)
		return result;
	name = span_word(&text);
	if (!smtp_domain_is_valid(name) || name.n >= size)
		name = SPAN("localhost");
	memcpy(host, name.p, name.n);
	host[name.n] = '\0';
	return INJECT_OK;
}

static void
put_envelope(struct stream *io, const struct options *o, const char *sender, const struct recipients *r)
{
	struct buf envid;

	buf_init(&envid, 4 * LIMIT_ENVID);
	if (o->envid != NULL)
		smtp_xtext_print(span_of(o->envid), &envid);
	stream_printf(io, "EHLO localhost\r\nMAIL FROM:<%s>", sender);
	if (o->ret != NULL)
		stream_printf(io, " RET=%s", o->ret);
	if (envid.n > 0)
		stream_printf(io, " ENVID=%s", buf_text(&envid));
	stream_text(io, "\r\n");
	for (size_t i = 0; i < r->count; i++) {
		stream_printf(io, "RCPT TO:<%s>", r->at[i]);
		if (o->notify != NULL)
			stream_printf(io, " NOTIFY=%s", o->notify);
		stream_text(io, "\r\n");
	}
	stream_text(io, "DATA\r\n");
	buf_free(&envid);
}

/* Every reply up to that to DATA is read; the first bad one decides. */
static int
read_envelope_replies(struct stream *io, const struct recipients *r)
{
	struct smtp_reply reply;
	int result = INJECT_OK;

	for (size_t i = 0; i < r->count + 3; i++) {
		bool is_data = i == r->count + 2;
		int got;

		/* When a recipient was refused, 354 is an offer that is not taken. */
		got = read_reply(io, is_data ? 3 : 2, &reply);
		if (result == INJECT_OK)
			result = got;
		if (got == INJECT_TRY_LATER)
			break;
	}
	return result;
}

static int
send_text(struct stream *io, struct span head, struct input *in)
{
	struct smtp_stuff stuff;
	struct span line = head;
	struct buf out;
	int result = 1;

	buf_init(&out, 2 * LIMIT_HEADER_BYTES + 2 * LIMIT_DATA_LINE);
	smtp_stuff_begin(&stuff);
	while (result > 0) {
		buf_clear(&out);
		smtp_stuff_feed(&stuff, line, &out);
		stream_timeout(io, WAIT_MS);
		stream_put(io, buf_view(&out));
		result = input_line(in, &line);
	}
	buf_clear(&out);
	smtp_stuff_end(&stuff, &out);
	if (result == 0)
		stream_put(io, buf_view(&out));
	buf_free(&out);
	if (result == 0)
		return INJECT_OK;
	fprintf(stderr, "mail-inject: stdin: %m\n");
	return INJECT_DATA;
}

int
submit_message(struct stream *io, const struct options *o, const char *sender,
	const struct recipients *r, struct span head, struct input *in)
{
	struct smtp_reply reply;
	int result;

	put_envelope(io, o, sender, r);
	result = read_envelope_replies(io, r);
	if (result == INJECT_OK)
		result = send_text(io, head, in);
	/* Without the last dot the server forgets the message when we hang up. */
	if (result == INJECT_OK)
		result = read_reply(io, 2, &reply);
	if (result == INJECT_OK)
		stream_text(io, "QUIT\r\n");
	(void)stream_flush(io);
	return result;
}
