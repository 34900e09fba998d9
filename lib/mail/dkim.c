/*
 * dkim: see dkim.h.
 *
 * Trust: the message is hostile.  What is signed of it is bounded (INSTANCES of
 * a field, HEADER_MAX of all), whatever it holds.
 */
#include "base/base.h"
#include "mail/dkim.h"

#include "base/limits.h"

#define INSTANCES 16		/* of one field: the last of them, which verifiers take first */
#define FOLD 76
#define HEADER_MAX (2 * LIMIT_HEADER_BYTES)	/* what was taken in, and what was added since */

/*
 * What is signed.  SEALED: once more than it is there, so that none can be added
 * on the way; IF_THERE: the same, but lists may add one where there was none.
 */
enum when { SEALED, IF_THERE };

static const struct {
	const char *name;
	enum when when;
} signed_fields[] = {
	{ "From", SEALED }, { "To", SEALED }, { "Cc", SEALED }, { "Subject", SEALED }, { "Date", SEALED },
	{ "Message-ID", SEALED }, { "Reply-To", SEALED }, { "MIME-Version", SEALED },
	{ "Content-Type", SEALED }, { "Content-Transfer-Encoding", SEALED },
	{ "Sender", IF_THERE }, { "In-Reply-To", IF_THERE }, { "References", IF_THERE },
	{ "Content-Disposition", IF_THERE }, { "Auto-Submitted", IF_THERE }, { "List-ID", IF_THERE },
	{ "List-Unsubscribe", IF_THERE }, { "List-Unsubscribe-Post", IF_THERE },
};

void
dkim_begin(struct dkim *d, dkim_sink *sink, void *ctx)
{
	*d = (struct dkim){ .sink = sink, .ctx = ctx };
	buf_init(&d->header, HEADER_MAX);
}

void
dkim_free(struct dkim *d)
{
	buf_free(&d->header);
}

/* -- the body (RFC 6376 3.4.4) ----------------------------------------------------- */

static void
give(struct dkim *d)
{
	if (d->used > 0)
		d->sink(d->ctx, span_make(d->piece, d->used));
	d->used = 0;
}

static void
put(struct dkim *d, char c)
{
	if (d->used == sizeof(d->piece))
		give(d);
	d->piece[d->used++] = c;
}

static void
put_line_end(struct dkim *d)
{
	put(d, '\r');
	put(d, '\n');
}

static void
body_byte(struct dkim *d, char c)
{
	if (c == ' ' || c == '\t') {
		d->has_space = true;
		return;
	}
	for (; d->blank_lines > 0; d->blank_lines--)
		put_line_end(d);
	if (d->has_space)
		put(d, ' ');
	put(d, c);
	d->has_space = false;
	d->has_text = true;
}

static void
body_line_end(struct dkim *d)
{
	if (d->has_text)
		put_line_end(d);
	else
		d->blank_lines++;
	d->has_text = d->has_space = false;
}

/* -- the whole --------------------------------------------------------------------- */

static void
line_end(struct dkim *d)
{
	if (d->in_body)
		body_line_end(d);
	else if (d->line == 0)
		d->in_body = true;
	else
		buf_text_put(&d->header, "\r\n");
	d->line = 0;
}

void
dkim_feed(struct dkim *d, struct span in)
{
	for (size_t i = 0; i < in.n; i++) {
		char c = in.p[i];
		bool ends_cr = c == '\n' && d->after_cr;

		d->after_cr = c == '\r';
		if (ends_cr)
			continue;
		if (c == '\r' || c == '\n') {
			line_end(d);
		} else if (d->in_body) {
			body_byte(d, c);
		} else {
			buf_char(&d->header, c);
			d->line++;
		}
	}
}

bool
dkim_end(struct dkim *d)
{
	if (d->in_body ? d->has_text : d->line > 0)
		line_end(d);
	give(d);
	return !d->header.overflow;
}

/* -- fields ------------------------------------------------------------------------- */

/* Cut the next field with its continuation lines, its last CRLF left out. */
static struct span
next_field(struct span *rest)
{
	struct span field;
	size_t n = 0;

	do {
		ssize_t lf = span_find(span_from(*rest, n), '\n');

		n = lf < 0 ? rest->n : n + (size_t)lf + 1;
	} while (n < rest->n && (rest->p[n] == ' ' || rest->p[n] == '\t'));
	field = span_first(*rest, n);
	*rest = span_from(*rest, n);
	return span_first(field, field.n < 2 ? 0 : field.n - 2);
}

static struct span
name_of(struct span field)
{
	ssize_t colon = span_find(field, ':');

	return colon < 0 ? SPAN_NONE : span_trim(span_first(field, (size_t)colon));
}

/* The last INSTANCES of a field, from the top; returns how many there are of it, and how many are in out. */
static size_t
find_all(struct span header, const char *name, struct span out[INSTANCES], size_t *found)
{
	size_t count = 0;

	*found = 0;
	while (header.n > 0) {
		struct span field = next_field(&header);

		if (!span_is_nocase(name_of(field), name))
			continue;
		if (*found == INSTANCES)
			memmove(out, out + 1, --*found * sizeof(*out));
		out[(*found)++] = field;
		count++;
	}
	return count;
}

/* RFC 6376 3.4.2, without its line end. */
static void
put_relaxed(struct span field, struct buf *out)
{
	struct span name = name_of(field), value = field;
	bool space = false, any = false;

	(void)span_cut(&value, ':');
	for (size_t i = 0; i < name.n; i++)
		buf_char(out, char_lower(name.p[i]));
	buf_char(out, ':');
	for (size_t i = 0; i < value.n; i++) {
		char c = value.p[i];

		if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
			space = true;
			continue;
		}
		if (space && any)
			buf_char(out, ' ');
		buf_char(out, c);
		space = false;
		any = true;
	}
}

/* Column behind the last line end of out. */
static size_t
column(const struct buf *out)
{
	return out->n - (size_t)(span_rfind(buf_view(out), '\n') + 1);
}

static void
list_name(struct buf *field, const char *name, bool *first)
{
	if (!*first)
		buf_char(field, ':');
	if (column(field) + strlen(name) > FOLD)
		buf_text_put(field, "\r\n\t ");
	buf_text_put(field, name);
	*first = false;
}

/* The names for h=, and the fields themselves, for each the last first. */
static void
sign_fields(struct span header, struct buf *field, struct buf *input)
{
	struct span found[INSTANCES];
	bool first = true;
	size_t n;

	for (size_t i = 0; i < PB_COUNT(signed_fields); i++) {
		const char *name = signed_fields[i].name;
		size_t count = find_all(header, name, found, &n);

		for (size_t k = n; k-- > 0;) {
			list_name(field, name, &first);
			put_relaxed(found[k], input);
			buf_text_put(input, "\r\n");
		}
		/* One more only where all are in: else the next would be one of those above. */
		if (count == n && (n > 0 || signed_fields[i].when == SEALED))
			list_name(field, name, &first);
	}
}

bool
dkim_field(const struct dkim *d, const struct dkim_signature *s, struct buf *field, struct buf *input)
{
	struct span header = buf_view(&d->header), from[INSTANCES];
	size_t start = field->n, n;

	if (find_all(header, "From", from, &n) != 1)
		return false;
	buf_printf(field, "DKIM-Signature: v=1; a=%s; c=relaxed/relaxed;\r\n\td=%.*s; s=%.*s;\r\n\tt=%lld; h=",
		s->algorithm, SPAN_ARG(s->domain), SPAN_ARG(s->selector), (long long)s->time);
	sign_fields(header, field, input);
	buf_printf(field, ";\r\n\tbh=%.*s;\r\n\tb=", SPAN_ARG(s->body_hash));
	put_relaxed(span_from(buf_view(field), start), input);
	return !field->overflow && !input->overflow;
}

void
dkim_field_end(struct buf *field, struct span signature)
{
	while (signature.n > 0) {
		size_t n = FOLD - column(field);	/* lines are begun here, and by dkim_field with b= */

		buf_span(field, span_first(signature, n));
		signature = span_from(signature, n);
		if (signature.n > 0)
			buf_text_put(field, "\r\n\t ");
	}
	buf_text_put(field, "\r\n");
}
