/*
 * input: the message on stdin, line ends made CRLF, up to a lone dot unless
 * dots are text.
 */
#ifndef MAIL_INJECT_INPUT_H
#define MAIL_INJECT_INPUT_H

#include "base/base.h"
#include "base/buf.h"
#include "base/span.h"

struct input {
	int fd;
	bool dots_are_text;
	bool ended;
	char *data;			/* what was read and not yet given out */
	size_t at, n;
	struct buf line;		/* the last line, with CRLF */
};

void input_init(struct input *in, int fd, bool dots_are_text);

/*
 * The next line with CRLF, valid until the next call; 1, or 0 at the end, or
 * -1 with errno (EMSGSIZE: longer than LIMIT_DATA_LINE).
 */
int input_line(struct input *in, struct span *line_out) PB_MUST_CHECK;

#endif
