/*
 * milter_answer: what a milter says, and what it wants to be changed.
 *
 * Trust: a milter may be broken, or lie.  Only changes that it announced when
 * it agreed are taken; a name, a value or an address that is none makes it
 * fail, and then none of its changes is made.
 */
#include "base/base.h"
#include "check/milter_private.h"
#include "base/limits.h"
#include "base/mem.h"
#include "check/milter_wire.h"
#include "smtp/reply.h"
#include "sys/clock.h"

bool
milter_read_packet(struct milter *m, uint64_t end)
{
	uint64_t now = clock_ms(), deadline = now + m->timeout_ms;
	unsigned char head[4];
	uint32_t n;
	struct span length = span_make(head, sizeof(head));
	enum stream_result r;

	/* What has come already is read without a look at the clock: nobody may go on by sending fast. */
	if (now >= end) {
		milter_fail(m, "no answer within the time of a step");
		return false;
	}
	stream_deadline(&m->io, deadline < end ? deadline : end);
	if (stream_flush(&m->io) != 0) {
		milter_fail(m, "cannot write to the milter");
		return false;
	}
	r = stream_read(&m->io, head, sizeof(head));
	if (r == LINE_OK && milter_get_u32(&length, &n) && n >= 1 && n <= LIMIT_MILTER_PACKET) {
		buf_clear(&m->in);
		r = stream_read(&m->io, buf_reserve(&m->in, n), n);
		if (r == LINE_OK) {
			buf_commit(&m->in, n);
			return true;
		}
	} else if (r == LINE_OK) {
		milter_fail(m, "a packet of an impossible length");
		return false;
	}
	milter_fail(m, stream_why(&m->io, r));
	return false;
}

static enum milter_outcome
refuse(struct milter *m, int code, const char *status, const char *text)
{
	m->verdict = verdict_make(code, status, "%s", text);
	buf_clear(&m->text);
	buf_text_put(&m->text, text);
	return MILTER_REFUSED;
}

/* The verdict in one line, and the text as the client is to see it. */
static void
keep_reply(struct milter *m, const struct smtp_reply *reply)
{
	m->verdict = smtp_reply_verdict(reply);
	buf_clear(&m->text);
	if (reply->text_n > 0)
		buf_put(&m->text, reply->text, reply->text_n);
	else
		buf_text_put(&m->text, m->verdict.text);
}

/* "550 5.7.1 text", perhaps in several lines: only 4xx and 5xx make sense. */
static enum milter_outcome
take_reply(struct milter *m, struct span data)
{
	struct smtp_reply *reply = mem_new(sizeof(*reply));
	enum smtp_reply_step step = SMTP_REPLY_MORE;
	struct span text;

	smtp_reply_begin(reply);
	if (milter_get_text(&data, &text)) {
		while (text.p != NULL && step == SMTP_REPLY_MORE)
			step = smtp_reply_line(reply, span_trim(span_cut(&text, '\n')));
	}
	if (step == SMTP_REPLY_DONE && reply->code >= 400)
		keep_reply(m, reply);
	else
		step = SMTP_REPLY_BAD;
	free(reply);
	return step == SMTP_REPLY_BAD ? milter_fail(m, "a reply that is none") : MILTER_REFUSED;
}

/* CRLF for every line end, no line of a field that is not folded, and none that would end the header. */
static bool
clean_value(struct span value, struct buf *out)
{
	while (value.n > 0 && (value.p[value.n - 1] == '\n' || value.p[value.n - 1] == '\r' || value.p[value.n - 1] == '\0'))
		value.n--;
	for (size_t i = 0; i < value.n; i++) {
		char c = value.p[i];

		if (c == '\r' || c == '\0')
			continue;
		if (c != '\n') {
			buf_char(out, c);
			continue;
		}
		buf_put(out, "\r\n", 2);
		if (i + 1 < value.n && value.p[i + 1] != ' ' && value.p[i + 1] != '\t')
			buf_char(out, '\t');
	}
	return !out->overflow;
}

static bool
name_is_valid(struct span name)
{
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] <= 0x20 || name.p[i] > 0x7e || name.p[i] == ':')
			return false;
	return name.n > 0 && name.n < 256;
}

/* One of add, insert and change. */
static bool
take_header(const struct milter *m, const struct milter_edits *edits, char kind, struct span data)
{
	struct span name, value;
	struct buf clean;
	uint32_t index = 0;
	bool good;

	if (kind != MILTER_RESP_ADD && !milter_get_u32(&data, &index))
		return false;
	if (!milter_get_text(&data, &name) || !milter_get_text(&data, &value) || !name_is_valid(name))
		return false;
	buf_init(&clean, LIMIT_MILTER_HEADERS);
	if (value.n > 0 && (m->steps & MILTER_LEADING_SPACE) == 0)
		buf_char(&clean, ' ');
	good = clean_value(value, &clean);
	if (good && kind == MILTER_RESP_ADD)
		good = edits->add(edits->ctx, name, buf_view(&clean));
	else if (good && kind == MILTER_RESP_INSERT)
		good = edits->insert(edits->ctx, index, name, buf_view(&clean));
	else if (good)
		good = edits->change(edits->ctx, index, name, buf_view(&clean));
	buf_free(&clean);
	return good;
}

/* "<a@b>" or "a@b", and parameters behind another NUL where the packet has them. */
static bool
take_address(const struct milter_edits *edits, char kind, struct span data)
{
	struct span path, args = SPAN("");

	if (!milter_get_text(&data, &path) || (data.n > 0 && !milter_get_text(&data, &args)))
		return false;
	if (kind == MILTER_RESP_DELETE_RCPT)
		return edits->delete_rcpt(edits->envelope, path);
	if (kind == MILTER_RESP_FROM)
		return edits->change_from(edits->envelope, path, args);
	return edits->add_rcpt(edits->envelope, path, args);
}

/* What a milter must have announced to make this change; 0: it is no change. */
static uint32_t
action_of(char kind)
{
	switch (kind) {
	case MILTER_RESP_ADD:
	case MILTER_RESP_INSERT:
		return MILTER_MAY_ADD;
	case MILTER_RESP_CHANGE:
		return MILTER_MAY_CHANGE;
	case MILTER_RESP_BODY:
		return MILTER_MAY_BODY;
	case MILTER_RESP_QUARANTINE:
		return MILTER_MAY_QUARANTINE;
	case MILTER_RESP_ADD_RCPT:
		return MILTER_MAY_ADD_RCPT;
	case MILTER_RESP_ADD_RCPT_ARGS:
		return MILTER_MAY_ADD_RCPT_ARGS;
	case MILTER_RESP_DELETE_RCPT:
		return MILTER_MAY_DELETE_RCPT;
	case MILTER_RESP_FROM:
		return MILTER_MAY_FROM;
	default:
		return 0;
	}
}

/* True when the packet was an edit (then *good tells whether it was taken). */
static bool
take_edit(struct milter *m, const struct milter_edits *edits, char kind, struct span data, bool *good)
{
	struct span reason;

	*good = (m->actions & action_of(kind)) != 0;
	if (!*good)
		return action_of(kind) != 0;
	switch (kind) {
	case MILTER_RESP_ADD:
	case MILTER_RESP_INSERT:
	case MILTER_RESP_CHANGE:
		*good = take_header(m, edits, kind, data);
		return true;
	case MILTER_RESP_BODY:
		*good = edits->body(edits->ctx, data, !m->body_began);
		m->body_began = true;
		return true;
	case MILTER_RESP_QUARANTINE:
		*good = milter_get_text(&data, &reason) && edits->quarantine(edits->ctx, reason);
		return true;
	case MILTER_RESP_ADD_RCPT:
	case MILTER_RESP_ADD_RCPT_ARGS:
	case MILTER_RESP_DELETE_RCPT:
	case MILTER_RESP_FROM:
		*good = take_address(edits, kind, data);
		return true;
	default:
		return false;
	}
}

enum milter_outcome
milter_answer(struct milter *m, const struct milter_edits *edits, bool *skip)
{
	uint64_t end = clock_ms() + LIMIT_MILTER_TOTAL_MS;
	bool good = true;

	while (!m->failed && milter_read_packet(m, end)) {
		struct span data = span_from(buf_view(&m->in), 1);
		char kind = m->in.p[0];

		if (edits != NULL && take_edit(m, edits, kind, data, &good)) {
			if (!good)
				return milter_fail(m, "a change that cannot be made");
			continue;
		}
		switch (kind) {
		case MILTER_RESP_PROGRESS:
			continue;
		case MILTER_RESP_CONTINUE:
			return MILTER_CONTINUE;
		case MILTER_RESP_ACCEPT:
			return MILTER_ACCEPT;
		case MILTER_RESP_DISCARD:
			return MILTER_DISCARD;
		case MILTER_RESP_REJECT:
			return refuse(m, 550, "5.7.1", "Command rejected");
		case MILTER_RESP_TEMPFAIL:
			return refuse(m, 451, "4.7.1", "Service unavailable, try again later");
		case MILTER_RESP_CONNECTION:
			return milter_fail(m, "the milter gave up the connection");
		case MILTER_RESP_SHUTDOWN:
			return refuse(m, 421, "4.7.0", "Closing connection");
		case MILTER_RESP_REPLY:
			return take_reply(m, data);
		case MILTER_RESP_SKIP:
			if (skip == NULL)
				return milter_fail(m, "\"skip\" where nothing can be skipped");
			*skip = (m->steps & MILTER_CAN_SKIP) != 0;
			return MILTER_CONTINUE;
		default:
			return milter_fail(m, "an answer that was not asked for");
		}
	}
	return MILTER_FAILED;
}

