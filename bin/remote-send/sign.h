/*
 * sign: DKIM signatures of a message at the moment of sending (RFC 6376,
 * RFC 8463), by an agent.
 */
#ifndef REMOTE_SEND_SIGN_H
#define REMOTE_SEND_SIGN_H

#include "base/base.h"
#include "base/buf.h"
#include "base/verdict.h"
#include "connection.h"
#include "job.h"

/* The header fields of all signatures. */
#define SIGNATURES_MAX 16384

/*
 * Make the signatures that j asks for, of the message in fd, asking over the socket
 * `parent` for each; they are in out, and j->signatures points there.  A message that
 * cannot be signed at all (no From, or two) goes without, which is logged.  False: *why,
 * try later.
 */
bool sign_message(const struct options *o, int parent, struct job *j, int fd, struct buf *out,
	struct verdict *why) PB_MUST_CHECK;

#endif
