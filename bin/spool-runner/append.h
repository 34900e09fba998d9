/*
 * append: lines behind an envelope, made durable by a helper (helper.h), as many
 * at a time as a request holds.
 */
#ifndef SPOOL_RUNNER_APPEND_H
#define SPOOL_RUNNER_APPEND_H

#include "base/base.h"
#include "base/buf.h"
#include "deliverer.h"
#include "spool/spool.h"

struct append {
	struct deliverer *helpers;
	struct spool_ref ref;
	uint64_t *good_size;		/* of ID.hdr; moved as lines become durable */
	struct buf *lines;		/* whole ones; those that are durable leave it */
	/* All are durable (error 0), or errno: those that are left are not. */
	void (*done)(void *ctx, int error);
	void *ctx;
	size_t sending;			/* append.c's: bytes of them in the request on its way */
};

/* Begin; done is called once, later, or at once when there is nothing to do or it cannot be done. */
void append_begin(struct append *a);

#endif
