/*
 * input: see input.h.  Memory for one line and one buffer, however long the
 * message is; a line over LIMIT_DATA_LINE is EMSGSIZE.
 */
#include "base/base.h"
#include "input.h"
#include "base/limits.h"
#include "base/mem.h"
#include <errno.h>

#define CHUNK 65536

void
input_init(struct input *in, int fd, bool dots_are_text)
{
	*in = (struct input){ .fd = fd, .dots_are_text = dots_are_text, .data = mem_new(CHUNK) };
	buf_init(&in->line, LIMIT_DATA_LINE);
}

/* More bytes into the buffer; 0 at the end, -1 with errno. */
static ssize_t
fill(struct input *in)
{
	ssize_t n;

	do
		n = read(in->fd, in->data, CHUNK);
	while (n < 0 && errno == EINTR);
	in->at = 0;
	in->n = n > 0 ? (size_t)n : 0;
	return n;
}

/* Bytes up to LF, or to the end of the input, into in->line; 0 when there were none. */
static int
read_raw_line(struct input *in)
{
	buf_clear(&in->line);
	for (;;) {
		struct span rest = span_make(in->data + in->at, in->n - in->at);
		ssize_t lf = span_find(rest, '\n');
		ssize_t more = 1;

		buf_span(&in->line, span_first(rest, lf >= 0 ? (size_t)lf : rest.n));
		in->at += lf >= 0 ? (size_t)lf + 1 : rest.n;
		if (in->line.overflow) {
			errno = EMSGSIZE;
			return -1;
		}
		if (lf >= 0)
			return 1;
		more = fill(in);
		if (more < 0)
			return -1;
		if (more == 0)
			return in->line.n > 0;
	}
}

int
input_line(struct input *in, struct span *line_out)
{
	int result = in->ended ? 0 : read_raw_line(in);

	if (result <= 0)
		return result;
	if (in->line.n > 0 && in->line.p[in->line.n - 1] == '\r')
		buf_cut(&in->line, in->line.n - 1);
	if (!in->dots_are_text && span_is(buf_view(&in->line), ".")) {
		in->ended = true;
		return 0;
	}
	if (!buf_put(&in->line, "\r\n", 2)) {
		errno = EMSGSIZE;
		return -1;
	}
	*line_out = buf_view(&in->line);
	return 1;
}
