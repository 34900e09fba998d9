/*
 * head: the header section of the message on stdin: recipients for -t, Bcc
 * taken out, From added when it is missing.
 */
#ifndef MAIL_INJECT_HEAD_H
#define MAIL_INJECT_HEAD_H

#include "base/base.h"
#include "base/buf.h"
#include "input.h"
#include "options.h"

struct recipients {
	char **at;			/* owned: canonical addresses */
	size_t count;
};

/*
 * Add the addresses of a list as in To:; a bare name gets "@host".  False, and
 * the offending text in *bad, when one is no address or there are too many.
 */
bool recipients_add(struct recipients *r, struct span list, const char *host, struct buf *bad);

/*
 * Read the header section and print it anew to `out` with CRLF: without Bcc, with
 * From when it had none, and with the empty line.  With -t it adds the recipients.
 * Returns 0, or an exit code after a message on stderr.
 */
int head_read(struct input *in, const struct options *o, const char *sender, const char *host,
	struct recipients *r, struct buf *out);

#endif
