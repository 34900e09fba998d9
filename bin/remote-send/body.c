/*
 * body: see body.h.
 *
 * Trust: hostile bytes; the machine is bounded.  A message that changes between the
 * survey and the sending, which nothing of ours does, could at worst be sent with a
 * part unconverted.
 */
#include "base/base.h"
#include "body.h"

#include <errno.h>
#include <unistd.h>

static ssize_t
read_piece(struct body *b, char piece[BODY_PIECE])
{
	ssize_t got;

	do
		got = pread(b->fd, piece, BODY_PIECE, b->at);
	while (got < 0 && errno == EINTR);
	if (got > 0)
		b->at += got;
	return got;
}

/* Bytes of the last line that is not over yet. */
static void
look(struct body *b, struct span s, size_t *line)
{
	unsigned char all = 0;

	for (size_t i = 0; i < s.n; i++)
		all |= (unsigned char)s.p[i];
	b->has_8bit |= all >= 0x80;
	while (s.n > 0) {
		const char *lf = memchr(s.p, '\n', s.n);
		size_t n = lf != NULL ? (size_t)(lf - s.p) : s.n;

		*line += n;
		b->has_long |= *line > BINARY_LINE + 1;		/* the CR too */
		if (lf == NULL)
			return;
		*line = 0;
		s = span_from(s, n + 1);
	}
}

int
body_open(struct body *b, int fd, off_t start)
{
	static char piece[BODY_PIECE];
	size_t line = 0;
	ssize_t got;

	*b = (struct body){ .fd = fd, .start = start, .at = start };
	while ((got = read_piece(b, piece)) > 0)
		look(b, span_make(piece, (size_t)got), &line);
	return got < 0 ? errno : 0;
}

void
body_close(struct body *b)
{
	binary_free(&b->machine);
}

void
body_rewind(struct body *b, unsigned unwanted)
{
	binary_free(&b->machine);
	b->at = b->start;
	b->ended = false;
	b->unwanted = unwanted;
	if (unwanted != 0)
		b->machine = binary_new_converter(&b->survey, unwanted);
}

bool
body_survey(struct body *b)
{
	struct buf unused;
	int got;

	body_rewind(b, 0);
	b->machine = binary_new_survey(&b->survey);
	buf_init(&unused, BODY_OUT_MAX);
	while ((got = body_next(b, &unused)) > 0)
		buf_clear(&unused);
	buf_free(&unused);
	binary_free(&b->machine);
	b->is_plain = got == 0 && !b->survey.header_8bit;
	if (got < 0 && errno == EBADMSG)
		errno = 0;
	return got == 0;
}

int
body_next(struct body *b, struct buf *out)
{
	static char piece[BODY_PIECE];
	ssize_t got;
	bool good;

	if (b->ended)
		return 0;
	got = read_piece(b, piece);
	if (got < 0)
		return -1;
	b->ended = got == 0;
	if (b->machine == NULL)
		good = buf_put(out, piece, (size_t)got);
	else if (got > 0)
		good = binary_feed(b->machine, span_make(piece, (size_t)got), out);
	else
		good = binary_end(b->machine, out);
	if (!good)
		errno = EBADMSG;
	return good ? 1 : -1;
}
