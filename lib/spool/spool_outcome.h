/*
 * spool_outcome: write down what became of recipients (schedule only).
 */
#ifndef SPOOL_SPOOL_OUTCOME_H
#define SPOOL_SPOOL_OUTCOME_H

#include "base/base.h"
#include "base/buf.h"
#include "spool/envelope_line.h"
#include "spool/spool.h"

/*
 * Append lines (made by envelope_line_*) to ID.hdr and make them durable.
 * *good_size is envelope.good_size at first; what stands behind it, from a
 * power cut or a failed append, is cut off first.  It is moved on success.
 *
 * A done: line may only be passed when the delivery itself is durable, and
 * need not be written at all when it finishes the message.
 * -1 with errno: the outcome is not recorded; after EIO it never will be in
 * this file (go on in memory; a restart may deliver once more).
 */
int spool_outcome_append(struct spool *sp, struct spool_ref ref, uint64_t *good_size,
	const struct buf *lines) PB_MUST_CHECK;

#endif
