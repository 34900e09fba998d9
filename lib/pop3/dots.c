/*
 * Dot-stuffing, with line ends made CRLF, piece by piece.
 *
 * A CR is passed on as it comes; only a LF without a CR before it gets one.  A
 * body line is counted at its end, so TOP n stops behind the n-th.
 */
#include "base/base.h"
#include "pop3/dots.h"

void
pop3_dots_init(struct pop3_dots *d)
{
	*d = (struct pop3_dots){ .has_limit = false };
}

void
pop3_dots_init_top(struct pop3_dots *d, uint32_t lines)
{
	*d = (struct pop3_dots){ .has_limit = true, .left = lines };
}

/* A line end has been written. */
static void
end_line(struct pop3_dots *d, bool empty)
{
	if (d->in_body && d->left > 0)
		d->left--;
	if (!d->in_body && empty)
		d->in_body = true;
	d->in_line = false;
	d->done = d->has_limit && d->in_body && d->left == 0;
}

void
pop3_dots_put(struct pop3_dots *d, struct span piece, struct buf *out)
{
	while (piece.n > 0 && !d->done) {
		ssize_t lf = span_find(piece, '\n');
		struct span part = span_first(piece, lf < 0 ? piece.n : (size_t)lf);
		bool starts = !d->in_line;
		bool empty = part.n == 0 ? starts || d->only_cr : starts && span_is(part, "\r");

		if (starts && part.n > 0 && part.p[0] == '.')
			buf_char(out, '.');
		buf_span(out, part);
		if (part.n > 0) {
			d->only_cr = starts && span_is(part, "\r");
			d->in_line = true;
			d->after_cr = part.p[part.n - 1] == '\r';
		}
		piece = span_from(piece, part.n);
		if (lf < 0)
			break;
		buf_text_put(out, d->after_cr ? "\n" : "\r\n");
		d->after_cr = false;
		end_line(d, empty);
		piece = span_from(piece, 1);
	}
}

void
pop3_dots_end(struct pop3_dots *d, struct buf *out)
{
	if (d->after_cr)
		buf_char(out, '\n');
	else if (d->in_line)
		buf_text_put(out, "\r\n");
	buf_text_put(out, ".\r\n");
}
