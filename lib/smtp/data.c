/*
 * smtp/data: the two state machines of the message text.
 *
 *   in:   LINE --"."--> DOT --CR--> DOT_CR --LF--> done
 *         LINE/DOT --other--> TEXT --CR--> CR --LF--> LINE
 *   CR not followed by LF is a bare CR, LF not after CR a bare LF.
 *
 * Lines are found with memchr, so that a whole line costs a few calls and one
 * copy; the states matter only where a piece of input ends inside a line end.
 */
#include "base/base.h"
#include "base/limits.h"
#include "smtp/data.h"

enum { LINE, DOT, DOT_CR, TEXT, CR };

void
smtp_data_begin(struct smtp_data *d, size_t max_line, bool normalize)
{
	*d = (struct smtp_data){ .state = LINE, .normalize = normalize, .max_line = max_line };
	if (max_line == 0 || max_line > LIMIT_DATA_LINE)
		d->max_line = LIMIT_DATA_LINE;
}

struct sink {
	struct smtp_data *d;
	char *out;
	size_t n;
};

static void
emit(struct sink *s, const char *p, size_t n)
{
	s->d->line += n;
	if (s->d->line > s->d->max_line)
		s->d->flaws |= SMTP_FLAW_LONG_LINE;
	if (memchr(p, '\0', n) != NULL)
		s->d->flaws |= SMTP_FLAW_NUL;
	if (s->d->flaws != 0)
		return;
	memcpy(s->out + s->n, p, n);
	s->n += n;
}

static void
end_line(struct sink *s, int state)
{
	s->d->line = 0;
	s->d->state = state;
}

/* A bare CR or LF: never an end of the message, so a dot behind it is a dot. */
static void
bare(struct sink *s, unsigned flaw)
{
	if (s->d->normalize)
		emit(s, "\r\n", 2);
	else
		s->d->flaws |= flaw;
	end_line(s, TEXT);
}

/* From the middle of a line to its end, or to the end of the input: bytes used. */
static size_t
feed_text(struct sink *s, const char *in, size_t n)
{
	const char *lf = memchr(in, '\n', n);
	size_t line = lf != NULL ? (size_t)(lf - in) : n;
	const char *cr = memchr(in, '\r', line);

	if (cr != NULL && cr + 1 == lf) {
		emit(s, in, line + 1);
		end_line(s, LINE);
		return line + 1;
	}
	if (cr != NULL) {
		emit(s, in, (size_t)(cr - in));
		s->d->state = CR;
		return (size_t)(cr - in) + 1;
	}
	emit(s, in, line);
	if (lf == NULL)
		return n;
	bare(s, SMTP_FLAW_BARE_LF);
	return line + 1;
}

/* After a CR that was held back. */
static size_t
feed_after_cr(struct sink *s, char c)
{
	if (c == '\n') {
		emit(s, "\r\n", 2);
		end_line(s, LINE);
		return 1;
	}
	bare(s, SMTP_FLAW_BARE_CR);
	s->d->state = c == '\r' ? CR : TEXT;
	return c == '\r';
}

size_t
smtp_data_feed(struct smtp_data *d, const char *in, size_t n, char *out, size_t *out_n)
{
	struct sink s = { .d = d, .out = out };
	size_t i = 0;

	while (i < n && !d->done) {
		switch (d->state) {
		case LINE:
			d->state = in[i] == '.' && !d->chunked ? DOT : TEXT;
			i += d->state == DOT;
			break;
		case DOT:
			d->state = in[i] == '\r' ? DOT_CR : TEXT;
			i += in[i] == '\r';
			break;
		case DOT_CR:
			d->done = in[i] == '\n';
			if (d->done)
				i++;
			else
				i += feed_after_cr(&s, in[i]);
			break;
		case CR:
			i += feed_after_cr(&s, in[i]);
			break;
		default:
			i += feed_text(&s, in + i, n - i);
			break;
		}
	}
	*out_n = s.n;
	return i;
}

void
smtp_data_begin_chunks(struct smtp_data *d, size_t max_line, bool normalize)
{
	smtp_data_begin(d, max_line, normalize);
	d->chunked = true;
}

void
smtp_data_end(struct smtp_data *d, char *out, size_t *out_n)
{
	struct sink s = { .d = d, .out = out };

	if (d->state == CR)
		bare(&s, SMTP_FLAW_BARE_CR);
	else if (d->state == TEXT && d->line > 0)
		emit(&s, "\r\n", 2);
	d->done = true;
	*out_n = s.n;
}

void
smtp_stuff_begin(struct smtp_stuff *s)
{
	s->state = LINE;
}

void
smtp_stuff_feed(struct smtp_stuff *s, struct span in, struct buf *out)
{
	while (in.n > 0) {
		size_t n = 0;

		if (s->state == CR && in.p[0] == '\n') {
			in = span_from(in, 1);		/* its CRLF was written for the CR */
			s->state = LINE;
			continue;
		}
		if (s->state != TEXT && in.p[0] == '.')
			buf_char(out, '.');
		while (n < in.n && in.p[n] != '\r' && in.p[n] != '\n')
			n++;
		buf_put(out, in.p, n);
		s->state = TEXT;
		if (n == in.n)
			return;
		buf_put(out, "\r\n", 2);
		s->state = in.p[n] == '\r' ? CR : LINE;
		in = span_from(in, n + 1);
	}
}

void
smtp_stuff_end(struct smtp_stuff *s, struct buf *out)
{
	if (s->state == TEXT)
		buf_put(out, "\r\n", 2);
	buf_put(out, ".\r\n", 3);
	s->state = LINE;
}
