/*
 * transaction: send one message over an open connection (RFC 5321 3.3,
 * RFC 2920, RFC 1870, RFC 6152).
 */
#ifndef REMOTE_SEND_TRANSACTION_H
#define REMOTE_SEND_TRANSACTION_H

#include "base/base.h"
#include "connection.h"
#include "job.h"

enum transaction_end {
	TRANSACTION_DONE,	/* every recipient is decided; the connection may live on */
	TRANSACTION_NEXT,	/* connection lost or useless before the final dot: *why; try elsewhere */
};

/*
 * Offer the message in fd (from its start, without its leading Return-Path)
 * to all recipients of j that are not decided.  Once the final dot was sent
 * nothing makes it TRANSACTION_NEXT: then another host might get it twice.
 */
enum transaction_end transaction_run(struct connection *c, struct job *j, int fd,
	struct verdict *why) PB_MUST_CHECK;

/*
 * Length of the Return-Path field (with folded lines) at the start of head; 0
 * when the message begins with another.
 */
size_t transaction_return_path(struct span head);

#endif
