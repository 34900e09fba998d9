/*
 * spool_finish: take messages with nothing left to do out of the queue.
 */
#ifndef SPOOL_SPOOL_FINISH_H
#define SPOOL_SPOOL_FINISH_H

#include "base/base.h"
#include "spool/spool.h"

/*
 * Unlink all their .hdr, make that durable once per folder, then unlink their
 * .eml.  Group many: the synchronous call is shared.  Files that are absent
 * are no error.  -1 with the first errno; what could not be removed is found
 * again by the next scan.
 */
int spool_finish(struct spool *sp, const struct spool_ref *refs, size_t count) PB_MUST_CHECK;

#endif
