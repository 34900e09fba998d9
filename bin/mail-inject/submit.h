/*
 * submit: one message over SMTP to smtp-listen's Unix socket.
 */
#ifndef MAIL_INJECT_SUBMIT_H
#define MAIL_INJECT_SUBMIT_H

#include "base/base.h"
#include "head.h"
#include "input.h"
#include "io/stream.h"
#include "options.h"

/* Read the greeting: the server's host name into host. An exit code, after a message on stderr. */
int submit_greet(struct stream *io, char *host, size_t size);

/*
 * Send the message: `head` and then the rest of `in`.  All recipients or
 * none.  An exit code, after a message on stderr.
 */
int submit_message(struct stream *io, const struct options *o, const char *sender,
	const struct recipients *r, struct span head, struct input *in);

#endif
