/*
 * cmd_session: commands about the connection itself: CAPABILITY, NOOP, LOGOUT,
 * ID (RFC 2971), ENABLE (RFC 5161) and STARTTLS (RFC 3501 6.2.1).
 */
#include "base/base.h"
#include "session.h"

#include "service/service_tls.h"

void
imap_print_capabilities(struct imap *im, struct buf *out)
{
	buf_text_put(out, "IMAP4rev1 LITERAL+ ID ENABLE SASL-IR");
	if (im->state == STATE_GREETED) {
		if (im->program->tls != NULL && !im->s->tls)
			buf_text_put(out, " STARTTLS");
		if (!imap_plaintext_allowed(im))
			buf_text_put(out, " LOGINDISABLED");
		imap_print_mechanisms(im, out);
		return;
	}
	buf_text_put(out, " NAMESPACE UIDPLUS MOVE UNSELECT SPECIAL-USE CHILDREN");
	if (im->program->idle)
		buf_text_put(out, " IDLE");
}

void
cmd_capability(struct imap *im, const struct imap_command *c, struct imap_lex *x)
{
	if (!imap_lex_end(x)) {
		imap_bad_arguments(im, c);
		return;
	}
	buf_clear(&im->out);
	buf_text_put(&im->out, "* CAPABILITY ");
	imap_print_capabilities(im, &im->out);
	buf_text_put(&im->out, "\r\n");
	stream_put(im->io, buf_view(&im->out));
	imap_ok(im, c, NULL, "Capabilities listed");
}

void
cmd_noop(struct imap *im, const struct imap_command *c, struct imap_lex *x)
{
	if (!imap_lex_end(x)) {
		imap_bad_arguments(im, c);
		return;
	}
	imap_report(im, true);
	imap_ok(im, c, NULL, "Done");
}

void
cmd_logout(struct imap *im, const struct imap_command *c, struct imap_lex *x)
{
	if (!imap_lex_end(x)) {
		imap_bad_arguments(im, c);
		return;
	}
	stream_text(im->io, "* BYE Good-bye\r\n");
	imap_ok(im, c, NULL, "Logged out");
	im->closing = true;
}

/* The parameter list of ID is read for its form and logged, never trusted. */
static bool
read_id(struct imap *im, struct imap_lex *x)
{
	struct span name, value;

	buf_clear(&im->out);
	if (imap_lex_word(x, "NIL"))
		return imap_lex_end(x);
	if (!imap_lex_char(x, '('))
		return false;
	for (unsigned n = 0; !imap_lex_is(x, ')'); n++) {
		if (n >= LIMIT_IMAP_ID_FIELDS || (n > 0 && !imap_lex_space(x)))
			return false;
		if (!imap_lex_string(x, &name) || !imap_lex_space(x) || !imap_lex_nstring(x, &value))
			return false;
		if (span_is_nocase(name, "name") || span_is_nocase(name, "version"))
			log_value(&im->out, span_is_nocase(name, "name") ? "name" : "version", span_first(value, 64));
	}
	return imap_lex_char(x, ')') && imap_lex_end(x);
}

void
cmd_id(struct imap *im, const struct imap_command *c, struct imap_lex *x)
{
	if (!imap_lex_space(x) || !read_id(im, x)) {
		imap_bad_arguments(im, c);
		return;
	}
	log_line(im->s->svc, im->s->ticket, im->s->ip, "event=client%s", buf_text(&im->out));
	stream_text(im->io, "* ID (\"name\" \"Pillarbox\")\r\n");
	imap_ok(im, c, NULL, "Pleased to meet you");
}

void
cmd_enable(struct imap *im, const struct imap_command *c, struct imap_lex *x)
{
	struct span name;

	if (!imap_lex_space(x) || !imap_lex_atom(x, &name)) {
		imap_bad_arguments(im, c);
		return;
	}
	while (imap_lex_space(x)) {
		if (!imap_lex_atom(x, &name)) {
			imap_bad_arguments(im, c);
			return;
		}
	}
	if (!imap_lex_end(x)) {
		imap_bad_arguments(im, c);
		return;
	}
	/* None of our extensions has to be enabled; unknown ones are passed over. */
	stream_text(im->io, "* ENABLED\r\n");
	imap_ok(im, c, NULL, "Done");
}

/*
 * What the client sent ahead in clear text must not be read as if it had come
 * through TLS (case I16): then the connection ends.
 */
void
cmd_starttls(struct imap *im, const struct imap_command *c, struct imap_lex *x)
{
	char error[TLS_ERROR_MAX];

	if (!imap_lex_end(x)) {
		imap_bad_arguments(im, c);
		return;
	}
	if (im->program->tls == NULL || im->s->tls) {
		imap_bad(im, c, im->s->tls ? "TLS is on already" : "TLS is not offered here");
		return;
	}
	if (stream_buffered_input(im->io)) {
		imap_bad(im, c, "Wait for the answer to STARTTLS");
		imap_bye(im, NULL, "Commands were sent ahead of TLS");
		return;
	}
	imap_ok(im, c, NULL, "Begin TLS now");
	if (stream_flush(im->io) != 0 || tls_accept(im->program->tls, im->io, &im->s->local, error) != 0) {
		log_line(im->s->svc, im->s->ticket, im->s->ip, "event=tls-failed error=\"%s\"", error);
		im->closing = true;
		return;
	}
	im->s->tls = true;
	service_tls_log(im->s);
}
