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
#include "base/limits.h"
#include "base/mem.h"
#include "check/milter_private.h"
#include "check/milter_wire.h"

/* What is sent when the milter has no wishes: what Sendmail and Postfix send, together. */
static const char *const stage_macros[STAGES] = {
	[STAGE_CONNECT] = "j _ v {daemon_name} {daemon_addr} {daemon_port} {client_addr} {client_name} "
		"{client_ptr} {client_resolve} {client_port} {if_addr} {if_name}",
	[STAGE_HELO] = "{tls_version} {cipher} {cipher_bits} {cert_subject} {cert_issuer}",
	[STAGE_MAIL] = "i {auth_type} {auth_authen} {auth_author} {mail_addr} {mail_host} {mail_mailer}",
	[STAGE_RCPT] = "i {rcpt_addr} {rcpt_host} {rcpt_mailer}",
	[STAGE_DATA] = "i",
	[STAGE_END] = "i",
	[STAGE_EOH] = "i",
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
	buf_init(&m->text, LIMIT_SMTP_REPLY_TEXT);
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
	buf_free(&(*m)->text);
	free(*m);
	*m = NULL;
}

enum milter_outcome
milter_fail(struct milter *m, const char *why)
{
	if (!m->failed)
		snprintf(m->error, sizeof(m->error), "%s", why);
	m->failed = true;
	return MILTER_FAILED;
}

enum milter_outcome
milter_give_up(struct milter *m, const char *why)
{
	return milter_fail(m, why);
}

/* Queue what stands in m->out; it leaves with the next wait. */
static void
send_out(struct milter *m)
{
	if (m->out.overflow)
		milter_fail(m, "a packet over its limit");
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

/* Send the step in m->out and get its answer, unless the milter gives none. */
static enum milter_outcome
step(struct milter *m, uint32_t quiet, bool *skip)
{
	m->has_session = true;
	send_out(m);
	if (m->failed)
		return MILTER_FAILED;
	return (m->steps & quiet) != 0 ? MILTER_CONTINUE : milter_answer(m, NULL, skip);
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
	if (m->failed || !milter_read_packet(m, UINT64_MAX))
		return MILTER_FAILED;
	data = span_from(buf_view(&m->in), 1);
	if (m->in.p[0] != MILTER_NEGOTIATE || !milter_get_u32(&data, &version) ||
	    !milter_get_u32(&data, &m->actions) || !milter_get_u32(&data, &m->steps))
		return milter_fail(m, "no negotiation");
	if (version < 2 || version > MILTER_VERSION || (m->steps & ~MILTER_OUR_STEPS) != 0 ||
	    (m->actions & ~MILTER_OUR_ACTIONS) != 0)
		return milter_fail(m, "the milter needs what this server does not offer");
	/* UNKNOWN came with version 3 of the protocol, DATA with 4. */
	if (version < 4)
		m->steps |= version < 3 ? MILTER_NO_DATA | MILTER_NO_UNKNOWN : MILTER_NO_DATA;
	return take_wishes(m, data) ? MILTER_CONTINUE : milter_fail(m, "no negotiation");
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
	return step(m, MILTER_QUIET_CONNECT, NULL);
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
	return step(m, MILTER_QUIET_HELO, NULL);
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
	m->body_began = m->skips_rcpt = m->skips_header = false;
	m->at_rest = false;
	if ((m->steps & MILTER_NO_MAIL) != 0 || m->failed)
		return m->failed ? MILTER_FAILED : MILTER_CONTINUE;
	put_macros(m, STAGE_MAIL, MILTER_MAIL);
	put_path(m, MILTER_MAIL, path, args);
	return step(m, MILTER_QUIET_MAIL, NULL);
}

enum milter_outcome
milter_rcpt(struct milter *m, struct span path, struct span args)
{
	if ((m->steps & MILTER_NO_RCPT) != 0 || m->skips_rcpt || m->failed)
		return m->failed ? MILTER_FAILED : MILTER_CONTINUE;
	put_macros(m, STAGE_RCPT, MILTER_RCPT);
	put_path(m, MILTER_RCPT, path, args);
	return step(m, MILTER_QUIET_RCPT, &m->skips_rcpt);
}

enum milter_outcome
milter_refused_rcpt(struct milter *m, struct span path, struct span args)
{
	return (m->steps & MILTER_SHOW_REFUSED) != 0 ? milter_rcpt(m, path, args) : MILTER_CONTINUE;
}

/* It belongs to no stage, so no macros go with it. */
enum milter_outcome
milter_unknown(struct milter *m, struct span line)
{
	if ((m->steps & MILTER_NO_UNKNOWN) != 0 || m->failed)
		return m->failed ? MILTER_FAILED : MILTER_CONTINUE;
	milter_packet_begin(&m->out, MILTER_UNKNOWN);
	milter_put_text(&m->out, line);
	milter_packet_end(&m->out, 0);
	return step(m, MILTER_QUIET_UNKNOWN, NULL);
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
	return step(m, quiet, NULL);
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

	if ((m->steps & MILTER_NO_HEADER) != 0 || m->skips_header || m->failed)
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
	return step(m, MILTER_QUIET_HEADER, &m->skips_header);
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
			o = milter_answer(m, NULL, enough);
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
	o = m->failed ? MILTER_FAILED : milter_answer(m, edits, NULL);
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
		milter_fail(m, "cannot write to the milter");
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

struct span
milter_text(const struct milter *m)
{
	return buf_view(&m->text);
}

const char *
milter_error(const struct milter *m)
{
	return m->error;
}
