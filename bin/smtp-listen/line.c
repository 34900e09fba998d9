/*
 * line: the next line from the client, and what ends a session that does not
 * send one: silence, the server's end, and a crowd of others who wait.
 */
#include "base/base.h"
#include "smtp.h"
#include "sys/clock.h"

/* From one message to the end of the next, its text apart, while places run out: commands that
 * are taken one by one would else hold a place as long as they like. */
#define CROWDED_TALK_MS 60000

/* Wait for the first byte as long as a session may be silent, then for the rest. */
static enum stream_result
read_line(struct smtp *c, struct span *line)
{
	struct stream *io = &c->s->io;
	enum stream_result r = session_wait(c->s, c->config->session_timeout_ms);

	if (r != LINE_OK)
		return r;
	stream_timeout(io, session_patience(c->s, c->config->command_timeout_ms));
	return stream_line(io, LIMIT_SMTP_AUTH_LINE - 2, line);
}

/* While places run out a stranger may not talk for long without a message; between chunks their pace counts. */
static bool
is_overdue(struct smtp *c)
{
	if (!session_is_pressed(c->s) || c->t.chunks == CHUNKS_OPEN || clock_ms() - c->moved_ms < CROWDED_TALK_MS)
		return false;
	reply(c, 421, "4.3.2", "Too busy, try again later");
	smtp_log(c, "event=connection-ended why=\"crowded\"");
	c->over = true;
	return true;
}

/*
 * A BDAT line that is not run: how much content follows it is not known, or not to
 * be believed, and what follows would be taken for commands.
 */
static void
refuse_chunk(struct smtp *c, const char *why)
{
	reply(c, 521, "5.5.2", "%s, closing connection", why);
	smtp_log(c, "event=chunk-refused code=521 status=5.5.2 text=\"%s\"", why);
	c->over = true;
}

void
line_refuse(struct smtp *c, bool is_chunk, const char *why)
{
	if (is_chunk)
		refuse_chunk(c, why);
	else
		reply_bad(c, 500, "5.5.2", "%s", why);
}

void
line_refuse_long(struct smtp *c, struct span verb, bool may_be_chunk)
{
	if (span_is_nocase(verb, "EHLO") || span_is_nocase(verb, "HELO"))
		reply_bad(c, 501, "5.5.4", "Name too long");
	else
		line_refuse(c, may_be_chunk, "Line too long");
}

/* A line that was dropped: only how it began is known. */
static void
refuse_dropped(struct smtp *c)
{
	struct span head = span_make(c->s->io.head, sizeof(c->s->io.head));
	struct span verb = smtp_command_split(head).verb;

	smtp_log_command(c, head);
	line_refuse_long(c, verb, span_starts_nocase(SPAN("BDAT"), verb));	/* also when the head ends before the verb does */
}

/* Say and note why nothing more is read. */
static void
end_session(struct smtp *c, enum stream_result r)
{
	if (r == LINE_TIMEOUT && session_was_ended(c->s))
		reply(c, 421, "4.3.2", "Too busy or stopping, try again later");
	else if (r == LINE_TIMEOUT)
		reply(c, 421, "4.4.2", "Timeout, closing connection");
	smtp_log(c, "event=connection-ended why=\"%s\"", stream_why(&c->s->io, r));
	c->over = true;
}

enum stream_result
smtp_answer(struct smtp *c, struct span *line_out)
{
	enum stream_result r;

	if (is_overdue(c))
		return LINE_ERROR;
	r = read_line(c, line_out);
	if (r != LINE_OK && r != LINE_TOO_LONG)
		end_session(c, r);
	return r;
}

bool
smtp_line(struct smtp *c, struct span *line_out)
{
	for (;;) {
		enum stream_result r = smtp_answer(c, line_out);

		if (r != LINE_TOO_LONG)
			return r == LINE_OK;
		refuse_dropped(c);
		if (c->over)
			return false;
	}
}
