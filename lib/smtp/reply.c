/*
 * smtp/reply: see reply.h.
 *
 * Trust: what another server answers is hostile: digits, lines and length are
 * checked one by one, and text is kept only up to its limit.
 */
#include "base/base.h"
#include "base/num.h"
#include "smtp/reply.h"

static void
put_printable(struct buf *out, struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		buf_char(out, s.p[i] >= 0x20 && s.p[i] < 0x7f ? s.p[i] : '?');
}

void
smtp_reply_print(struct buf *out, int code, const char *status, struct span text)
{
	if (text.p == NULL)
		text = SPAN("");
	while (text.p != NULL) {
		struct span line = span_cut(&text, '\n');

		buf_printf(out, "%03d%c", code, text.p != NULL ? '-' : ' ');
		if (status != NULL)
			buf_printf(out, "%s ", status);
		put_printable(out, line);
		buf_text_put(out, "\r\n");
	}
}

void
smtp_reply_begin(struct smtp_reply *r)
{
	r->code = 0;
	r->lines = 0;
	r->status[0] = '\0';
	r->text[0] = '\0';
	r->text_n = 0;
	r->cut = false;
}

static void
keep_text(struct smtp_reply *r, struct span text)
{
	size_t room = sizeof(r->text) - 1 - r->text_n;

	if (r->lines > 1 && room > 0) {
		r->text[r->text_n++] = '\n';
		room--;
	}
	r->cut = r->cut || text.n > room;
	text = span_first(text, room);
	if (text.n > 0)
		memcpy(r->text + r->text_n, text.p, text.n);
	r->text_n += text.n;
	r->text[r->text_n] = '\0';
}

/* Cut an enhanced status code of the class of the reply off the text. */
static void
take_status(struct smtp_reply *r, struct span *text)
{
	struct span rest = *text;
	struct span word = span_word(&rest);

	if (word.n >= sizeof(r->status) || !verdict_status_is_valid(word) ||
	    word.p[0] - '0' != r->code / 100)
		return;
	if (r->lines == 1) {
		memcpy(r->status, word.p, word.n);
		r->status[word.n] = '\0';
	}
	*text = span_from(rest, rest.n > 0);
}

enum smtp_reply_step
smtp_reply_line(struct smtp_reply *r, struct span line)
{
	struct span text = span_from(line, 4);
	int code;

	if (++r->lines > LIMIT_SMTP_REPLY_LINES)
		return SMTP_REPLY_BAD;
	if (line.n < 3 || !num_parse_int(span_first(line, 3), 599, &code) || code < 200)
		return SMTP_REPLY_BAD;
	if (line.n > 3 && line.p[3] != ' ' && line.p[3] != '-')
		return SMTP_REPLY_BAD;
	if (r->lines > 1 && code != r->code)
		return SMTP_REPLY_BAD;
	r->code = code;
	take_status(r, &text);
	keep_text(r, text);
	return line.n > 3 && line.p[3] == '-' ? SMTP_REPLY_MORE : SMTP_REPLY_DONE;
}

struct verdict
smtp_reply_verdict(const struct smtp_reply *r)
{
	char status[sizeof(r->status)];
	char line[VERDICT_TEXT_MAX];
	size_t n = r->text_n < sizeof(line) - 1 ? r->text_n : sizeof(line) - 1;

	memcpy(line, r->text, n);
	line[n] = '\0';
	for (size_t i = 0; i < n; i++)
		if (line[i] == '\n' || line[i] == '\0')
			line[i] = ' ';
	/* A 3xx where an end was due is no class of RFC 3463: a fault of the other side. */
	if (r->status[0] != '\0')
		snprintf(status, sizeof(status), "%s", r->status);
	else
		snprintf(status, sizeof(status), "%c.0.0",
			 r->code >= 500 ? '5' : r->code >= 300 ? '4' : '2');
	return verdict_make(r->code, status, "%s", line);
}

static unsigned
auth_bits(struct span mechanisms)
{
	static const struct { const char *name; unsigned bit; } known[] = {
		{ "PLAIN", SMTP_AUTH_PLAIN }, { "LOGIN", SMTP_AUTH_LOGIN },
		{ "CRAM-MD5", SMTP_AUTH_CRAM_MD5 }, { "SCRAM-SHA-1", SMTP_AUTH_SCRAM_SHA_1 },
		{ "SCRAM-SHA-256", SMTP_AUTH_SCRAM_SHA_256 },
		{ "SCRAM-SHA-1-PLUS", SMTP_AUTH_SCRAM_SHA_1_PLUS },
		{ "SCRAM-SHA-256-PLUS", SMTP_AUTH_SCRAM_SHA_256_PLUS }
	};
	unsigned bits = 0;

	for (;;) {
		struct span word = span_word(&mechanisms);

		if (word.n == 0)
			return bits;
		for (size_t i = 0; i < PB_COUNT(known); i++)
			if (span_is_nocase(word, known[i].name))
				bits |= known[i].bit;
	}
}

/* RFC 9422 3: NAME=VALUE; what is unknown or not a number is passed over. */
static void
read_limits(struct span limits, struct smtp_ehlo *out)
{
	for (;;) {
		struct span value = span_word(&limits);
		struct span name = span_cut(&value, '=');
		uint64_t n;

		if (name.n == 0)
			return;
		if (value.p == NULL || !num_parse(value, UINT32_MAX, &n))
			continue;
		if (span_is_nocase(name, "RCPTMAX"))
			out->rcptmax = n;
		else if (span_is_nocase(name, "MAILMAX"))
			out->mailmax = n;
	}
}

static void
ehlo_line(struct span line, struct smtp_ehlo *out)
{
	struct { const char *name; bool *flag; } const flags[] = {
		{ "PIPELINING", &out->pipelining }, { "8BITMIME", &out->eightbitmime },
		{ "ENHANCEDSTATUSCODES", &out->enhancedstatuscodes },
		{ "STARTTLS", &out->starttls }, { "DSN", &out->dsn },
		{ "SMTPUTF8", &out->smtputf8 }, { "CHUNKING", &out->chunking },
		{ "SIZE", &out->has_size }, { "AUTH", &out->has_auth },
		{ "BINARYMIME", &out->binarymime }, { "REQUIRETLS", &out->requiretls },
		{ "MT-PRIORITY", &out->mt_priority }, { "DELIVERBY", &out->deliverby }
	};
	struct span word = span_word(&line);

	/* "AUTH=LOGIN PLAIN" is what servers before RFC 2554 wrote. */
	if (span_starts_nocase(word, SPAN("AUTH="))) {
		line = span_make(word.p + 5, (size_t)(line.p + line.n - word.p) - 5);
		word.n = 4;
	}
	for (size_t i = 0; i < PB_COUNT(flags); i++)
		if (span_is_nocase(word, flags[i].name))
			*flags[i].flag = true;
	if (span_is_nocase(word, "SIZE") && !num_parse(span_trim(line), INT64_MAX, &out->size))
		out->size = 0;
	if (span_is_nocase(word, "AUTH"))
		out->auth |= auth_bits(line);
	if (span_is_nocase(word, "LIMITS"))
		read_limits(line, out);
	if (span_is_nocase(word, "DELIVERBY") && !num_parse(span_trim(line), 999999999, &out->by_min))
		out->by_min = 0;
}

void
smtp_ehlo_parse(const struct smtp_reply *r, struct smtp_ehlo *out)
{
	struct span text = span_make(r->text, r->text_n);

	*out = (struct smtp_ehlo){ .size = 0 };
	(void)span_cut(&text, '\n');	/* the first line is the greeting */
	while (text.p != NULL)
		ehlo_line(span_cut(&text, '\n'), out);
}
