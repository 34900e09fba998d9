/*
 * milter: questions, answers, and the agreement about them.
 *
 * Invariants:
 * 1. After FAILED nothing is sent or read any more.
 * 2. An answer is read if and only if the milter did not say that it gives
 *    none to this step.
 * 3. Edits are taken only while milter_end waits.
 */
#include "base/base.h"
#include "check/milter.h"
#include "check/milter_wire.h"
#include "base/limits.h"
#include "base/mem.h"
#include "io/stream.h"
#include "sys/clock.h"

/* Stages that have macros of their own, in the numbers of the protocol. */
enum { STAGE_CONNECT, STAGE_HELO, STAGE_MAIL, STAGE_RCPT, STAGE_DATA, STAGE_END, STAGE_EOH, STAGES };

/* What is sent when the milter has no wishes: as Sendmail does. */
static const char *const stage_macros[STAGES] = {
	[STAGE_CONNECT] = "j _ v {daemon_name} {client_addr} {client_name} {client_port} {if_addr}",
	[STAGE_HELO] = "{tls_version} {cipher}",
	[STAGE_MAIL] = "i {auth_type} {auth_authen} {mail_addr} {mail_host} {mail_mailer}",
	[STAGE_RCPT] = "{rcpt_addr} {rcpt_host} {rcpt_mailer}",
	[STAGE_DATA] = "i",
	[STAGE_END] = "i",
	[STAGE_EOH] = "i",
};

struct milter {
	struct stream io;
	uint64_t timeout_ms;
	milter_macro *macro;
	void *macro_ctx;
	char *wishes[STAGES];		/* from the milter; NULL: stage_macros */
	uint32_t steps;			/* MILTER_NO_ and MILTER_QUIET_ bits agreed on */
	uint32_t actions;
	struct buf out;
	struct buf in;			/* one packet: letter and data */
	bool failed;
	bool has_session;		/* a command of it was sent since negotiation or QUIT_NEXT */
	bool body_began;		/* a piece of a new body came */
	bool at_rest;			/* the last step was a milter_end that continued */
	struct verdict verdict;
	char error[128];
};

struct milter *
milter_new(int fd, uint64_t timeout_ms, milter_macro *macro, void *macro_ctx)
{
	struct milter *m = mem_new(sizeof(*m));

	stream_init(&m->io, fd, 16384);
	m->timeout_ms = timeout_ms;
	m->macro = macro;
	m->macro_ctx = macro_ctx;
	buf_init(&m->out, LIMIT_MILTER_PACKET + 64);
	buf_init(&m->in, LIMIT_MILTER_PACKET);
	return m;
}

void
milter_free(struct milter **m)
{
	if (*m == NULL)
		return;
	stream_close(&(*m)->io);
	for (size_t i = 0; i < STAGES; i++)
		free((*m)->wishes[i]);
	buf_free(&(*m)->out);
	buf_free(&(*m)->in);
	free(*m);
	*m = NULL;
}

static enum milter_outcome
fail(struct milter *m, const char *why)
{
	if (!m->failed)
		snprintf(m->error, sizeof(m->error), "%s", why);
	m->failed = true;
	return MILTER_FAILED;
}

/* Queue what stands in m->out; it leaves with the next wait. */
static void
send_out(struct milter *m)
{
	if (m->out.overflow)
		fail(m, "a packet over its limit");
	if (!m->failed) {
		stream_timeout(&m->io, m->timeout_ms);
		stream_put(&m->io, buf_view(&m->out));
	}
	buf_clear(&m->out);
}

/* Macros for `command`, in a packet before it. */
static void
put_macros(struct milter *m, int stage, char command)
{
	struct span rest = span_of(m->wishes[stage] != NULL ? m->wishes[stage] : stage_macros[stage]);
	size_t began = m->out.n;

	milter_packet_begin(&m->out, MILTER_MACRO);
	buf_char(&m->out, command);
	for (;;) {
		struct span word = span_word(&rest);
		const char *value;
		char name[64];

		if (word.n == 0)
			break;
		if (word.n >= sizeof(name))
			continue;
		memcpy(name, word.p, word.n);
		name[word.n] = '\0';
		value = m->macro(m->macro_ctx, name);
		if (value == NULL)
			continue;
		milter_put_text(&m->out, word);
		milter_put_text(&m->out, span_of(value));
	}
	milter_packet_end(&m->out, began);
}

/* The next packet into m->in; false when the connection is of no more use. */
static bool
read_packet(struct milter *m, uint64_t end)
{
	uint64_t deadline = clock_ms() + m->timeout_ms;
	unsigned char head[4];
	uint32_t n;
	struct span length = span_make(head, sizeof(head));
	enum stream_result r;

	stream_deadline(&m->io, deadline < end ? deadline : end);
	if (stream_flush(&m->io) != 0) {
		fail(m, "cannot write to the milter");
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
		fail(m, "a packet of an impossible length");
		return false;
	}
	fail(m, stream_why(&m->io, r));
	return false;
}

static enum milter_outcome
refuse(struct milter *m, int code, const char *status, const char *text)
{
	m->verdict = verdict_make(code, status, "%s", text);
	return MILTER_REFUSED;
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
		m->verdict = smtp_reply_verdict(reply);
	else
		step = SMTP_REPLY_BAD;
	free(reply);
	return step == SMTP_REPLY_BAD ? fail(m, "a reply that is none") : MILTER_REFUSED;
}

/* CRLF for every line end, and no line of a field that is not folded. */
static bool
clean_value(struct span value, struct buf *out)
{
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

/* True when the packet was an edit (then *good tells whether it was taken). */
static bool
take_edit(struct milter *m, const struct milter_edits *edits, char kind, struct span data, bool *good)
{
	struct span reason;

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
	default:
		return false;
	}
}

/* Read until the milter has said what it thinks of the step. */
static enum milter_outcome
answer(struct milter *m, const struct milter_edits *edits, bool *skip)
{
	uint64_t end = clock_ms() + LIMIT_MILTER_TOTAL_MS;
	bool good = true;

	while (!m->failed && read_packet(m, end)) {
		struct span data = span_from(buf_view(&m->in), 1);
		char kind = m->in.p[0];

		if (edits != NULL && take_edit(m, edits, kind, data, &good)) {
			if (!good)
				return fail(m, "a change that cannot be made");
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
		case MILTER_RESP_SHUTDOWN:
		case MILTER_RESP_CONNECTION:
			return refuse(m, 421, "4.7.0", "Closing connection");
		case MILTER_RESP_REPLY:
			return take_reply(m, data);
		case MILTER_RESP_SKIP:
			if (skip == NULL)
				return fail(m, "\"skip\" where nothing can be skipped");
			*skip = true;
			return MILTER_CONTINUE;
		default:
			return fail(m, "an answer that was not asked for");
		}
	}
	return MILTER_FAILED;
}

/* Send the step in m->out and get its answer, unless the milter gives none. */
static enum milter_outcome
step(struct milter *m, uint32_t quiet)
{
	m->has_session = true;
	send_out(m);
	if (m->failed)
		return MILTER_FAILED;
	return (m->steps & quiet) != 0 ? MILTER_CONTINUE : answer(m, NULL, NULL);
}

/* The wishes for macros that stand behind the three numbers of the negotiation. */
static bool
take_wishes(struct milter *m, struct span data)
{
	while (data.n > 0) {
		uint32_t stage;
		struct span list;

		if (!milter_get_u32(&data, &stage) || !milter_get_text(&data, &list))
			return false;
		if (stage >= STAGES)
			continue;
		free(m->wishes[stage]);
		m->wishes[stage] = mem_copy(list);
	}
	return true;
}

enum milter_outcome
milter_negotiate(struct milter *m)
{
	uint32_t version = 0;
	struct span data;

	milter_packet_begin(&m->out, MILTER_NEGOTIATE);
	milter_put_u32(&m->out, MILTER_VERSION);
	milter_put_u32(&m->out, MILTER_OUR_ACTIONS);
	milter_put_u32(&m->out, MILTER_OUR_STEPS);
	milter_packet_end(&m->out, 0);
	send_out(m);
	if (m->failed || !read_packet(m, UINT64_MAX))
		return MILTER_FAILED;
	data = span_from(buf_view(&m->in), 1);
	if (m->in.p[0] != MILTER_NEGOTIATE || !milter_get_u32(&data, &version) ||
	    !milter_get_u32(&data, &m->actions) || !milter_get_u32(&data, &m->steps))
		return fail(m, "no negotiation");
	if (version < 2 || version > MILTER_VERSION || (m->steps & ~MILTER_OUR_STEPS) != 0 ||
	    (m->actions & ~(uint32_t)MILTER_OUR_ACTIONS) != 0)
		return fail(m, "the milter needs what this server does not offer");
	return take_wishes(m, data) ? MILTER_CONTINUE : fail(m, "no negotiation");
}

enum milter_outcome
milter_connect(struct milter *m, struct span host, const struct addr *peer)
{
	char text[ADDR_TEXT_MAX + 8];
	char ip[ADDR_TEXT_MAX];
	unsigned char port[2] = { (unsigned char)(peer->port >> 8), (unsigned char)peer->port };
	bool inet = peer->family == AF_INET || peer->family == AF_INET6;
	size_t began;

	if ((m->steps & MILTER_NO_CONNECT) != 0 || m->failed)
		return m->failed ? MILTER_FAILED : MILTER_CONTINUE;
	put_macros(m, STAGE_CONNECT, MILTER_CONNECT);
	began = m->out.n;
	milter_packet_begin(&m->out, MILTER_CONNECT);
	milter_put_text(&m->out, host);
	buf_char(&m->out, !inet ? 'L' : peer->family == AF_INET6 ? '6' : '4');
	buf_put(&m->out, port, sizeof(port));
	addr_print(peer, ip, sizeof(ip));
	snprintf(text, sizeof(text), "%s%s", peer->family == AF_INET6 ? "IPv6:" : "", ip);
	milter_put_text(&m->out, span_of(text));
	milter_packet_end(&m->out, began);
	return step(m, MILTER_QUIET_CONNECT);
}

enum milter_outcome
milter_helo(struct milter *m, struct span name)
{
	size_t began;

	if ((m->steps & MILTER_NO_HELO) != 0 || m->failed)
		return m->failed ? MILTER_FAILED : MILTER_CONTINUE;
	put_macros(m, STAGE_HELO, MILTER_HELO);
	began = m->out.n;
	milter_packet_begin(&m->out, MILTER_HELO);
	milter_put_text(&m->out, name);
	milter_packet_end(&m->out, began);
	return step(m, MILTER_QUIET_HELO);
}

/* MAIL and RCPT: the path, then each parameter as a text of its own. */
static void
put_path(struct milter *m, char command, struct span path, struct span args)
{
	size_t began = m->out.n;

	milter_packet_begin(&m->out, command);
	milter_put_text(&m->out, path);
	for (;;) {
		struct span word = span_word(&args);

		if (word.n == 0)
			break;
		milter_put_text(&m->out, word);
	}
	milter_packet_end(&m->out, began);
}

enum milter_outcome
milter_mail(struct milter *m, struct span path, struct span args)
{
	m->body_began = false;
	m->at_rest = false;
	if ((m->steps & MILTER_NO_MAIL) != 0 || m->failed)
		return m->failed ? MILTER_FAILED : MILTER_CONTINUE;
	put_macros(m, STAGE_MAIL, MILTER_MAIL);
	put_path(m, MILTER_MAIL, path, args);
	return step(m, MILTER_QUIET_MAIL);
}

enum milter_outcome
milter_rcpt(struct milter *m, struct span path, struct span args)
{
	if ((m->steps & MILTER_NO_RCPT) != 0 || m->failed)
		return m->failed ? MILTER_FAILED : MILTER_CONTINUE;
	put_macros(m, STAGE_RCPT, MILTER_RCPT);
	put_path(m, MILTER_RCPT, path, args);
	return step(m, MILTER_QUIET_RCPT);
}

/* A step without data of its own. */
static enum milter_outcome
plain_step(struct milter *m, int stage, char command, uint32_t none, uint32_t quiet)
{
	size_t began;

	if ((m->steps & none) != 0 || m->failed)
		return m->failed ? MILTER_FAILED : MILTER_CONTINUE;
	put_macros(m, stage, command);
	began = m->out.n;
	milter_packet_begin(&m->out, command);
	milter_packet_end(&m->out, began);
	return step(m, quiet);
}

enum milter_outcome
milter_data(struct milter *m)
{
	return plain_step(m, STAGE_DATA, MILTER_DATA, MILTER_NO_DATA, MILTER_QUIET_DATA);
}

enum milter_outcome
milter_eoh(struct milter *m)
{
	return plain_step(m, STAGE_EOH, MILTER_HEADER_END, MILTER_NO_HEADER_END, MILTER_QUIET_HEADER_END);
}

enum milter_outcome
milter_header(struct milter *m, struct span name, struct span value)
{
	size_t began = m->out.n;

	if ((m->steps & MILTER_NO_HEADER) != 0 || m->failed)
		return m->failed ? MILTER_FAILED : MILTER_CONTINUE;
	if ((m->steps & MILTER_LEADING_SPACE) == 0 && value.n > 0 && value.p[0] == ' ')
		value = span_from(value, 1);
	milter_packet_begin(&m->out, MILTER_HEADER);
	milter_put_text(&m->out, name);
	/* Milters see folded values with LF alone. */
	for (size_t i = 0; i < value.n; i++)
		if (value.p[i] != '\r' && value.p[i] != '\0')
			buf_char(&m->out, value.p[i]);
	buf_char(&m->out, '\0');
	milter_packet_end(&m->out, began);
	return step(m, MILTER_QUIET_HEADER);
}

enum milter_outcome
milter_body(struct milter *m, struct span piece, bool *enough)
{
	*enough = (m->steps & MILTER_NO_BODY) != 0 || m->failed;
	while (!*enough && piece.n > 0) {
		struct span part = span_first(piece, 65535);
		enum milter_outcome o = MILTER_CONTINUE;

		milter_packet_begin(&m->out, MILTER_BODY);
		buf_span(&m->out, part);
		milter_packet_end(&m->out, 0);
		send_out(m);
		if (!m->failed && (m->steps & MILTER_QUIET_BODY) == 0)
			o = answer(m, NULL, enough);
		if (m->failed || o != MILTER_CONTINUE)
			return m->failed ? MILTER_FAILED : o;
		piece = span_from(piece, part.n);
	}
	return m->failed ? MILTER_FAILED : MILTER_CONTINUE;
}

enum milter_outcome
milter_end(struct milter *m, const struct milter_edits *edits)
{
	enum milter_outcome o;
	size_t began;

	if (m->failed)
		return MILTER_FAILED;
	put_macros(m, STAGE_END, MILTER_BODY_END);
	began = m->out.n;
	milter_packet_begin(&m->out, MILTER_BODY_END);
	milter_packet_end(&m->out, began);
	send_out(m);
	o = m->failed ? MILTER_FAILED : answer(m, edits, NULL);
	m->at_rest = o == MILTER_CONTINUE;
	return o;
}

static void
tell(struct milter *m, char command)
{
	if (m->failed)
		return;
	milter_packet_begin(&m->out, command);
	milter_packet_end(&m->out, 0);
	send_out(m);
	if (stream_flush(&m->io) != 0)
		fail(m, "cannot write to the milter");
}

void
milter_abort(struct milter *m)
{
	m->at_rest = false;
	if (m->has_session)
		tell(m, MILTER_ABORT);
}

/*
 * QUIT_NEXT came with version 6 of the protocol (libmilter 1.0.1 of 2009).
 * libmilter's state table takes it after the end of a message that went on;
 * elsewhere it passes over it in silence, and then never answers the CONNECT
 * that follows.  So elsewhere the connection is given up, unless nothing was
 * said on it yet.
 */
bool
milter_quit(struct milter *m)
{
	bool again = m->at_rest || !m->has_session;

	if (m->has_session)
		tell(m, again ? MILTER_QUIT_NEXT : MILTER_QUIT);
	m->at_rest = m->has_session = false;
	return again && !m->failed;
}

const struct verdict *
milter_verdict(const struct milter *m)
{
	return &m->verdict;
}

const char *
milter_error(const struct milter *m)
{
	return m->error;
}
