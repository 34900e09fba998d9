/*
 * spool_release: messages in quarantine, and letting one go.
 *
 * A message in quarantine is a pair ID.eml + ID.hdr whose status is
 * Quarantined.  Scans pass over it; only what stands here changes it.
 */
#ifndef SPOOL_SPOOL_RELEASE_H
#define SPOOL_SPOOL_RELEASE_H

#include "base/base.h"
#include "spool/envelope.h"
#include "spool/spool.h"

/*
 * The envelope of a message in quarantine: 0 and *out (envelope_free); -1 with
 * errno: ENOENT when there is none of that id, or it is not in quarantine (or
 * intake has it still); else as spool_read_envelope.
 */
int spool_quarantined(struct spool *sp, struct spool_ref ref, struct envelope **out) PB_MUST_CHECK;

/*
 * Quarantined becomes Written, durably; safe to repeat.  Nobody else may write
 * this message meanwhile.  -1 with errno: the message is whole and in
 * quarantine, except after EIO of the last sync, when it may be either.
 * EBADMSG: the body is missing or of another size.
 */
int spool_release(struct spool *sp, struct spool_ref ref) PB_MUST_CHECK;

/* Remove `name` of this folder when a release left it, cut off a day or more before `now`. */
void spool_release_sweep(int dirfd, const char *name, int64_t now);

#endif
