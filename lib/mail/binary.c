/*
 * binary: see binary.h.
 *
 * Trust: hostile bytes.  Memory is one header section, one start of a line and
 * the stack of boundaries; nothing is allocated by a number in the text.
 *
 *	HEADER  lines are gathered until the empty one, then decided upon
 *	START   at the start of a line of a body: it may be a delimiter
 *	MIDDLE  inside a line that is none
 */
#include "base/base.h"
#include "mail/binary.h"

#include "base/base64.h"
#include "base/limits.h"
#include "base/mem.h"
#include "mail/header.h"
#include "mail/mime_param.h"

/* Blanks that may stand behind a boundary (RFC 2046 5.1.1) and are still looked at. */
#define PADDING_MAX 128
#define START_MAX (LIMIT_MIME_BOUNDARY + PADDING_MAX + 4)
#define BASE64_LINE 57		/* bytes that make a line of 76 */

enum state { HEADER, START, MIDDLE };

struct level {
	char boundary[LIMIT_MIME_BOUNDARY];
	size_t n;
};

struct binary {
	enum state state;
	bool failed;
	struct buf header;		/* of the part that begins, up to its empty line */
	size_t header_line;		/* where its last line starts */
	char start[START_MAX];		/* the line so far, in START */
	size_t start_n;
	bool cr;			/* MIDDLE: the last byte was a CR, not passed on yet */
	bool encodes;			/* the body is written as base64 */
	bool held_crlf;			/* encoding: a line end that may belong to a delimiter */
	char rest[BASE64_LINE];		/* encoding: bytes of the line that is being filled */
	size_t rest_n;
	struct level level[LIMIT_MIME_DEPTH];
	size_t depth;
	/* For messages that are to be converted: */
	struct binary_survey *notes;	/* made */
	const struct binary_survey *plan;	/* followed */
	unsigned unwanted;		/* BINARY_ flags */
	size_t parts;			/* begun so far; the last of them is being read */
	size_t line_n;			/* bytes of the line so far */
	bool in_message;		/* the next header section is that of a message */
};

struct binary *
binary_new(void)
{
	struct binary *b = mem_new(sizeof(*b));

	b->state = HEADER;
	buf_init(&b->header, LIMIT_HEADER_BYTES);
	return b;
}

struct binary *
binary_new_survey(struct binary_survey *out)
{
	struct binary *b = binary_new();

	*out = (struct binary_survey){ .parts = 0 };
	b->notes = out;
	return b;
}

struct binary *
binary_new_converter(const struct binary_survey *survey, unsigned flaws)
{
	struct binary *b = binary_new();

	b->plan = survey;
	b->unwanted = flaws;
	b->in_message = true;
	return b;
}

void
binary_free(struct binary **b)
{
	if (*b == NULL)
		return;
	buf_free(&(*b)->header);
	free(*b);
	*b = NULL;
}

/* -- content ------------------------------------------------------------------ */

static void
encode(struct binary *b, struct span s, struct buf *out)
{
	while (s.n > 0) {
		size_t n = BASE64_LINE - b->rest_n < s.n ? BASE64_LINE - b->rest_n : s.n;

		memcpy(b->rest + b->rest_n, s.p, n);
		b->rest_n += n;
		s = span_from(s, n);
		if (b->rest_n < BASE64_LINE)
			return;
		base64_encode(out, span_make(b->rest, b->rest_n));
		buf_put(out, "\r\n", 2);
		b->rest_n = 0;
	}
}

static bool
has_8bit(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= 0x80)
			return true;
	return false;
}

static void
note(struct binary *b, struct span s)
{
	uint8_t *flaws = &b->notes->flaws[b->parts - 1];

	b->line_n += s.n;
	if (has_8bit(s))
		*flaws |= BINARY_8BIT;
	if (b->line_n > BINARY_LINE)
		*flaws |= BINARY_LONG;
}

static void
content(struct binary *b, struct span s, struct buf *out)
{
	if (b->notes != NULL && b->parts > 0)
		note(b, s);
	if (!b->encodes) {
		buf_span(out, s);
		return;
	}
	if (b->held_crlf && s.n > 0) {
		b->held_crlf = false;
		encode(b, SPAN("\r\n"), out);
	}
	encode(b, s, out);
}

static void
line_end(struct binary *b, struct buf *out)
{
	b->line_n = 0;
	if (!b->encodes) {
		buf_put(out, "\r\n", 2);
		return;
	}
	if (b->held_crlf)
		encode(b, SPAN("\r\n"), out);
	b->held_crlf = true;
}

/* The part is over; a delimiter may follow, or the end. */
static void
end_content(struct binary *b, struct buf *out)
{
	if (b->encodes && b->rest_n > 0) {
		base64_encode(out, span_make(b->rest, b->rest_n));
		buf_put(out, "\r\n", 2);
	}
	b->encodes = b->held_crlf = false;
	b->rest_n = 0;
}

/* -- header sections ---------------------------------------------------------- */

/* A field with lines of BINARY_LINE at most, cut before blanks; false when there is none to cut at. */
static bool
put_folded(struct span raw, struct buf *out)
{
	while (raw.n > 0) {
		ssize_t lf = span_find(raw, '\n');
		struct span line = span_first(raw, lf < 0 ? raw.n : (size_t)lf + 1);

		raw = span_from(raw, line.n);
		while (line.n > BINARY_LINE + 2) {
			size_t at = BINARY_LINE;

			while (at > 0 && line.p[at] != ' ' && line.p[at] != '\t')
				at--;
			if (span_trim(span_first(line, at)).n == 0)
				return false;
			buf_span(out, span_first(line, at));
			buf_put(out, "\r\n", 2);
			line = span_from(line, at);
		}
		buf_span(out, line);
	}
	return true;
}

/* What the header section lacks so that its body may be base64. */
static void
add_fields(const struct binary *b, bool said, struct buf *out)
{
	struct span header = buf_view(&b->header);

	if (!said)
		buf_text_put(out, "Content-Transfer-Encoding: base64\r\n");
	if (b->in_message && header_find(header, "MIME-Version").p == NULL)
		buf_text_put(out, "MIME-Version: 1.0\r\n");
	/* RFC 1428 3: nobody knows what the bytes mean */
	if (header_find(header, "Content-Type").p == NULL)
		buf_text_put(out, "Content-Type: text/plain; charset=unknown-8bit\r\n");
}

/* The fields, each line short enough, with the encoding replaced where `encoding` is not NULL. */
static bool
put_converted(struct binary *b, const char *encoding, struct buf *out)
{
	struct span rest = buf_view(&b->header);
	struct span tail = rest;
	struct header_field f;
	bool said = false, good = true;

	while (header_next(&rest, &f)) {
		bool replaced = encoding != NULL && f.valid && span_is_nocase(f.name, "Content-Transfer-Encoding");

		tail = span_from(tail, (size_t)(f.raw.p + f.raw.n - tail.p));
		if (!replaced)
			good &= put_folded(f.raw, out);
		else if (!said)
			buf_printf(out, "Content-Transfer-Encoding: %s\r\n", encoding);
		said |= replaced;
	}
	if (encoding != NULL && strcmp(encoding, "base64") == 0)
		add_fields(b, said, out);
	buf_span(out, tail);
	return good;
}

/* The fields with the encoding replaced: the first says `encoding`, others of the name go. */
static void
put_header(struct binary *b, const char *encoding, struct buf *out)
{
	struct span rest = buf_view(&b->header);
	struct span tail = rest;	/* behind the last field: the empty line */
	struct header_field f;
	bool said = false;

	while (header_next(&rest, &f)) {
		tail = span_from(tail, (size_t)(f.raw.p + f.raw.n - tail.p));
		if (!f.valid || !span_is_nocase(f.name, "Content-Transfer-Encoding")) {
			buf_span(out, f.raw);
			continue;
		}
		if (!said)
			buf_printf(out, "Content-Transfer-Encoding: %s\r\n", encoding);
		said = true;
	}
	buf_span(out, tail);
}

/* First word of the field, comments left out. */
static bool
encoding_is(struct span value, const char *what)
{
	header_skip_blanks(&value);
	return span_is_nocase(span_trim(span_first(value, strlen(what))), what) &&
	       (value.n == strlen(what) || strchr(" \t\r\n;(", value.p[strlen(what)]) != NULL);
}

static bool
push(struct binary *b, struct span boundary)
{
	struct level *l;

	if (b->depth == LIMIT_MIME_DEPTH)
		return false;
	l = &b->level[b->depth++];
	memcpy(l->boundary, boundary.p, boundary.n);
	l->n = boundary.n;
	return true;
}

enum kind { LEAF, MULTIPART, MESSAGE };

/* What the part is; of a multipart its boundary, borrowed from the arena. */
static enum kind
kind_of(struct span header, struct arena *a, struct span *boundary)
{
	struct span type = header_find(header, "Content-Type");
	struct mime_value v;

	*boundary = SPAN_NONE;
	if (type.p == NULL || !mime_value_parse(type, a, &v) || v.subtype.p == NULL)
		return LEAF;
	if (span_is_nocase(v.type, "message") &&
	    (span_is_nocase(v.subtype, "rfc822") || span_is_nocase(v.subtype, "global")))
		return MESSAGE;
	if (!span_is_nocase(v.type, "multipart"))
		return LEAF;
	*boundary = mime_value_param(&v, "boundary");
	return MULTIPART;
}

/* The header section of a message that is surveyed or converted; false: it cannot be. */
static bool
convert_header(struct binary *b, enum kind kind, bool plain, bool wide, struct buf *out)
{
	unsigned flaws;

	if (b->parts == LIMIT_MIME_PARTS)
		return false;
	b->parts++;
	b->line_n = 0;
	if (b->notes != NULL) {
		b->notes->parts = b->parts;
		b->notes->header_8bit |= has_8bit(buf_view(&b->header));
		return put_converted(b, NULL, out);
	}
	flaws = b->plan->flaws[b->parts - 1] & b->unwanted;
	b->encodes = kind == LEAF && plain && flaws != 0;
	if (b->encodes)
		return put_converted(b, "base64", out);
	return put_converted(b, kind != LEAF && wide && (b->unwanted & BINARY_8BIT) ? "7bit" : NULL, out);
}

/* The header section is whole: decide what its body is. */
static bool
decide(struct binary *b, struct buf *out)
{
	struct arena *a = arena_new(LIMIT_MIME_HEADER_MEMORY);
	struct span header = buf_view(&b->header), boundary;
	struct span encoding = header_find(header, "Content-Transfer-Encoding");
	bool binary = encoding_is(encoding, "binary");
	bool plain = encoding.p == NULL || binary || encoding_is(encoding, "7bit") || encoding_is(encoding, "8bit");
	enum kind kind = kind_of(header, a, &boundary);
	bool good = true, has_boundary = boundary.n > 0 && boundary.n <= LIMIT_MIME_BOUNDARY;

	if (kind == MULTIPART && plain && has_boundary)
		good = push(b, boundary);
	else if (kind == MULTIPART && binary)
		good = false;
	if (b->notes != NULL || b->plan != NULL) {
		good = convert_header(b, kind, plain, binary || encoding_is(encoding, "8bit"), out) && good;
	} else {
		if (binary)
			put_header(b, kind == LEAF ? "base64" : "8bit", out);
		else
			buf_span(out, header);
		b->encodes = binary && kind == LEAF;
	}
	b->in_message = kind == MESSAGE && plain;
	b->state = kind == MESSAGE && plain ? HEADER : START;
	buf_clear(&b->header);
	b->header_line = 0;
	arena_free(&a);
	return good;
}

/* -- delimiters --------------------------------------------------------------- */

/* Level of the boundary that this line is, -1 for none; *closes: its last. */
static ssize_t
delimiter(const struct binary *b, struct span line, bool *closes)
{
	if (!span_starts(line, SPAN("--")))
		return -1;
	line = span_from(line, 2);
	for (size_t i = b->depth; i > 0; i--) {
		const struct level *l = &b->level[i - 1];
		struct span rest = span_from(line, l->n);

		if (!span_starts(line, span_make(l->boundary, l->n)))
			continue;
		*closes = span_starts(rest, SPAN("--"));
		if (span_trim(span_from(rest, *closes ? 2 : 0)).n == 0)
			return (ssize_t)(i - 1);
	}
	return -1;
}

/* True when the line was a delimiter: what it ends is ended, what it begins begun. */
static bool
take_delimiter(struct binary *b, struct span line, struct buf *out)
{
	bool closes = false;
	ssize_t level = delimiter(b, line, &closes);

	if (level < 0)
		return false;
	end_content(b, out);
	buf_span(out, line);
	b->depth = (size_t)level + !closes;
	b->state = closes ? START : HEADER;
	return true;
}

/* -- lines -------------------------------------------------------------------- */

/* One byte of a header section; a delimiter may stand there instead of the empty line. */
static bool
header_byte(struct binary *b, char c, struct buf *out)
{
	struct span line;

	if (!buf_char(&b->header, c))
		return false;
	if (c != '\n')
		return true;
	line = span_from(buf_view(&b->header), b->header_line);
	if (delimiter(b, span_trim(line), &(bool){ false }) >= 0) {
		char copy[START_MAX];
		size_t n = line.n < sizeof(copy) ? line.n : 0;

		memcpy(copy, line.p, n);
		buf_cut(&b->header, b->header_line);
		return decide(b, out) && take_delimiter(b, span_make(copy, n), out);
	}
	b->header_line = b->header.n;
	return span_trim(line).n > 0 || decide(b, out);
}

/* What stands in `start` is no delimiter. */
static void
leave_start(struct binary *b, struct buf *out)
{
	size_t n = b->start_n;

	b->start_n = 0;
	b->state = MIDDLE;
	b->cr = n > 0 && b->start[n - 1] == '\r';
	content(b, span_make(b->start, n - b->cr), out);
}

static void
start_byte(struct binary *b, char c, struct buf *out)
{
	struct span line;

	b->start[b->start_n++] = c;
	line = span_make(b->start, b->start_n);
	if (c == '\n' && b->start_n > 1 && b->start[b->start_n - 2] == '\r') {
		b->start_n = 0;
		if (take_delimiter(b, line, out))
			return;
		content(b, span_first(line, line.n - 2), out);
		line_end(b, out);
	} else if (b->start_n == START_MAX || b->depth == 0 || (c != '-' && b->start_n <= 2 && c != '\r') ||
		   (b->start_n == 2 && !span_is(line, "--"))) {
		leave_start(b, out);
	}
}

/* Inside a line: bytes used. */
static size_t
middle(struct binary *b, struct span in, struct buf *out)
{
	const char *cr;
	size_t n;

	if (b->cr) {
		b->cr = false;
		if (in.p[0] == '\n') {
			line_end(b, out);
			b->state = START;
			return 1;
		}
		content(b, SPAN("\r"), out);
	}
	cr = memchr(in.p, '\r', in.n);
	n = cr != NULL ? (size_t)(cr - in.p) : in.n;
	content(b, span_first(in, n), out);
	b->cr = cr != NULL;
	return n + (cr != NULL);
}

bool
binary_feed(struct binary *b, struct span in, struct buf *out)
{
	while (in.n > 0 && !b->failed) {
		size_t used = 1;

		switch (b->state) {
		case HEADER:
			b->failed = !header_byte(b, in.p[0], out);
			break;
		case START:
			start_byte(b, in.p[0], out);
			break;
		case MIDDLE:
		default:
			used = middle(b, in, out);
			break;
		}
		in = span_from(in, used);
	}
	return !b->failed && !out->overflow;
}

bool
binary_end(struct binary *b, struct buf *out)
{
	if (b->failed)
		return false;
	if (b->state == HEADER && b->header.n > 0) {
		b->failed = !decide(b, out);
	} else if (b->state == START && b->start_n > 0) {
		struct span line = span_make(b->start, b->start_n);

		/* "--boundary--" without a line end closes too. */
		if (!take_delimiter(b, line, out))
			leave_start(b, out);
		b->start_n = 0;
	}
	if (b->state == MIDDLE && b->cr)
		content(b, SPAN("\r"), out);
	if (b->held_crlf)
		encode(b, SPAN("\r\n"), out);
	end_content(b, out);
	return !b->failed && !out->overflow;
}
