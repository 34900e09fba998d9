/*
 * read: one command from the client: its lines, and its literals in between.
 *
 * The command is collected whole before it is parsed, so the grammar needs no
 * connection; its size is bounded by LIMIT_IMAP_COMMAND (before log-in by
 * LIMIT_IMAP_LOGIN_COMMAND), and a literal is only asked for, or read, when it
 * fits.  A literal that was sent unasked and does not fit ends the connection:
 * its bytes must never be taken for commands (case I01).
 *
 * The message of an APPEND is left on the connection: im->append_pending says
 * that the command ends before it.
 *
 * Who is silent for too long is told so at the end of the session, wherever the
 * silence was noticed.
 */
#include "base/base.h"
#include "session.h"

static size_t
command_limit(const struct imap *im)
{
	return im->state == STATE_GREETED ? LIMIT_IMAP_LOGIN_COMMAND : LIMIT_IMAP_COMMAND;
}

static size_t
literal_limit(const struct imap *im)
{
	size_t left = command_limit(im) - im->command.n;

	return im->state == STATE_GREETED && left > LIMIT_IMAP_LOGIN_LITERAL ? LIMIT_IMAP_LOGIN_LITERAL : left;
}

bool
imap_skip(struct imap *im, uint64_t n)
{
	char scrap[4096];

	while (n > 0) {
		size_t part = n < sizeof(scrap) ? (size_t)n : sizeof(scrap);

		if (stream_read(im->io, scrap, part) != LINE_OK)
			return false;
		n -= part;
	}
	return true;
}

/* Is the literal that ends what was read so far the message of an APPEND? */
static bool
is_append_message(struct imap *im)
{
	struct imap_lex x = { .rest = buf_view(&im->command), .arena = im->arena };
	struct imap_append append;
	struct imap_command c;
	bool is = imap_command_parse(&x, &c) && span_is_nocase(c.name, "APPEND") && imap_append_parse(&x, &append);

	arena_reset(im->arena);
	return is;
}

static void
refuse_line(struct imap *im, const char *text)
{
	struct imap_lex x = { .rest = buf_view(&im->command), .arena = im->arena };
	struct imap_command c = { .tag = SPAN_NONE };

	if (!imap_command_parse(&x, &c))
		c.tag = SPAN_NONE;
	imap_bad(im, &c, text);
}

/*
 * The end of a line that is not understood: when it announces a literal that
 * comes unasked, its bytes must not be read as commands.
 */
static void
end_before_literal(struct imap *im, struct span end)
{
	if (span_ends_nocase(end, SPAN("+}")) || span_ends_nocase(end, SPAN("+}\r")))
		imap_bye(im, NULL, "A literal came that cannot be read");
}

enum literal { LITERAL_READ, LITERAL_REFUSED, LITERAL_CLOSE };

static enum literal
read_literal(struct imap *im, const struct imap_literal *lit)
{
	char *at;

	if (lit->is_bad) {
		refuse_line(im, "This is not a literal");
		if (lit->plus)
			imap_bye(im, NULL, "A literal came that cannot be read");
		return LITERAL_REFUSED;
	}
	if (lit->size > literal_limit(im)) {
		if (lit->plus) {
			imap_bye(im, "TOOBIG", "The literal is larger than a command may be");
			return LITERAL_CLOSE;
		}
		refuse_line(im, "The literal is larger than a command may be");
		return LITERAL_REFUSED;
	}
	if (!lit->plus)
		stream_text(im->io, "+ Ready\r\n");
	at = buf_reserve(&im->command, (size_t)lit->size);
	if (at == NULL || stream_read(im->io, at, (size_t)lit->size) != LINE_OK)
		return LITERAL_CLOSE;
	buf_commit(&im->command, (size_t)lit->size);
	return LITERAL_READ;
}

/* One more line of the command; *more when a literal and another line follow. */
static bool
read_line(struct imap *im, bool *more)
{
	struct imap_literal lit;
	size_t begin = im->command.n;
	struct span line;

	*more = false;
	switch (stream_line(im->io, command_limit(im) - begin, &line)) {
	case LINE_OK:
		break;
	case LINE_TOO_LONG:
		refuse_line(im, "The command is too long");
		end_before_literal(im, span_make(im->io->tail, sizeof(im->io->tail)));
		buf_clear(&im->command);
		return true;
	case LINE_TIMEOUT:
	case LINE_EOF:
	case LINE_ERROR:
	default:
		return false;
	}
	if (gate_is_uninvited_proxy(im->s, line)) {
		imap_bye(im, NULL, "A PROXY header is not taken from you");
		return false;
	}
	if (im->io->bare_lf) {
		refuse_line(im, "A line ends with CR LF");
		end_before_literal(im, line);
		buf_clear(&im->command);
		return true;
	}
	buf_span(&im->command, line);
	buf_text_put(&im->command, "\r\n");
	if (!imap_literal_at_end(line, &lit))
		return true;
	if (!lit.is_bad && im->state != STATE_GREETED && is_append_message(im)) {
		im->append_pending = true;
		im->append_literal = lit;
		return true;
	}
	switch (read_literal(im, &lit)) {
	case LITERAL_READ:
		*more = true;
		return true;
	case LITERAL_REFUSED:
		buf_clear(&im->command);
		return true;
	case LITERAL_CLOSE:
	default:
		return false;
	}
}

/*
 * Between commands a client may be silent for long; once a command has begun,
 * the rest of it has to come within the command timeout.
 */
bool
imap_read_command(struct imap *im)
{
	bool more = true;

	buf_clear(&im->command);
	im->append_pending = false;
	if (session_wait(im->s, im->state == STATE_GREETED ?
	    im->program->command_timeout_ms : im->program->idle_timeout_ms) != LINE_OK)
		return false;
	stream_timeout(im->io, session_patience(im->s, im->program->command_timeout_ms));
	while (more && !im->closing)
		if (!read_line(im, &more))
			return false;
	return true;
}
