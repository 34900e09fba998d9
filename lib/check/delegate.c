/*
 * delegate: see delegate.h.
 */
#include "base/base.h"
#include "check/delegate.h"
#include "base/limits.h"
#include "base/num.h"
#include "mail/header.h"
#include "sys/clock.h"

void
delegate_put(struct buf *request, const char *name, struct span value)
{
	buf_printf(request, "%s=", name);
	for (size_t i = 0; i < value.n; i++)
		buf_char(request, (unsigned char)value.p[i] < 0x20 || value.p[i] == 0x7f ? '?' : value.p[i]);
	buf_char(request, '\n');
}

static bool
refuse(struct delegate_answer *out, int code, const char *status, struct span text)
{
	struct span own = text;
	struct span word = span_word(&own);
	char given[12];

	/* "5.7.1 text": an enhanced code of the same class takes the place of ours. */
	if (word.n >= 5 && word.n < sizeof(given) && word.p[0] == code / 100 + '0' && word.p[1] == '.' &&
	    span_find(span_from(word, 2), '.') > 0) {
		memcpy(given, word.p, word.n);
		given[word.n] = '\0';
		status = given;
		text = own;
	}
	text = span_trim(text);
	out->kind = DELEGATE_REFUSED;
	out->verdict = verdict_make(code, status, "%.*s", SPAN_ARG(text.n > 0 ? text : SPAN("Access denied")));
	return true;
}

/* A field that can stand in a header: a name, a colon, one line. */
static bool
is_field(struct span text)
{
	ssize_t colon = span_find(text, ':');

	for (ssize_t i = 0; i < colon; i++)
		if (text.p[i] <= 0x20 || text.p[i] > 0x7e)
			return false;
	for (size_t i = 0; i < text.n; i++)
		if (((unsigned char)text.p[i] < 0x20 && text.p[i] != '\t') || text.p[i] == 0x7f)
			return false;
	return colon > 0;
}

bool
delegate_parse(struct span action, struct delegate_answer *out)
{
	static const struct { const char *word; enum delegate_kind kind; } plain[] = {
		{ "DUNNO", DELEGATE_DUNNO }, { "WARN", DELEGATE_DUNNO }, { "INFO", DELEGATE_DUNNO },
		{ "OK", DELEGATE_OK }, { "DISCARD", DELEGATE_DISCARD }, { "HOLD", DELEGATE_HOLD },
		{ "PREPEND", DELEGATE_PREPEND },
	};
	struct span word = span_word(&action);
	uint64_t code;

	*out = (struct delegate_answer){ .kind = DELEGATE_DUNNO, .text = span_trim(action) };
	for (size_t i = 0; i < PB_COUNT(plain); i++)
		if (span_is_nocase(word, plain[i].word)) {
			out->kind = plain[i].kind;
			return out->kind != DELEGATE_PREPEND || is_field(out->text);
		}
	if (span_is_nocase(word, "REJECT"))
		return refuse(out, 554, "5.7.1", action);
	if (span_is_nocase(word, "DEFER_IF_REJECT")) {
		(void)refuse(out, 450, "4.7.1", action);
		out->kind = DELEGATE_DEFER_IF_REJECT;
		return true;
	}
	if (span_is_nocase(word, "DEFER") || span_is_nocase(word, "DEFER_IF_PERMIT"))
		return refuse(out, 450, "4.7.1", action);
	if (word.n == 3 && num_parse(word, 599, &code) && code >= 400)
		return refuse(out, (int)code, code < 500 ? "4.7.1" : "5.7.1", action);
	return false;
}

/* Why an action is not taken: what Postfix would do and this server does not is named. */
static const char *
why_not(struct span action)
{
	static const struct { const char *word, *why; } others[] = {
		{ "REDIRECT", "the action REDIRECT is not supported" }, { "BCC", "the action BCC is not supported" },
		{ "FILTER", "the action FILTER is not supported" },
	};
	struct span word = span_word(&action);

	for (size_t i = 0; i < PB_COUNT(others); i++)
		if (span_is_nocase(word, others[i].word))
			return others[i].why;
	return "an action that is not known";
}

void
delegate_buffers(struct buf *request, struct buf *answer)
{
	buf_init(request, LIMIT_DELEGATE_REQUEST);
	buf_init(answer, LIMIT_DELEGATE_ANSWER);
}

/* Lines up to the empty one; the value of action into `answer`. */
static const char *
read_answer(struct stream *io, struct buf *answer)
{
	bool found = false;

	buf_clear(answer);
	for (size_t total = 0; total <= LIMIT_DELEGATE_ANSWER;) {
		struct span line;
		enum stream_result r = stream_line(io, LIMIT_DELEGATE_ANSWER, &line);

		if (r != LINE_OK)
			return stream_why(io, r);
		if (line.n == 0)
			return found ? NULL : "an answer without an action";
		total += line.n + 1;
		if (!found && line.n > 7 && memcmp(line.p, "action=", 7) == 0)
			found = buf_span(answer, span_from(line, 7));
	}
	return "an answer over its limit";
}

const char *
delegate_ask(struct stream *io, const struct buf *request, uint64_t timeout_ms, struct buf *answer,
	struct delegate_answer *out)
{
	const char *why;

	if (request->overflow)
		return "a request over its limit";
	stream_timeout(io, timeout_ms);
	stream_put(io, buf_view(request));
	stream_put(io, SPAN("\n"));
	if (stream_flush(io) != 0)
		return "cannot write to it";
	why = read_answer(io, answer);
	if (why != NULL)
		return why;
	return delegate_parse(buf_view(answer), out) ? NULL : why_not(buf_view(answer));
}
