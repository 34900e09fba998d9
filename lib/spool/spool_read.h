/*
 * spool_read: look at a message in the queue.
 */
#ifndef SPOOL_SPOOL_READ_H
#define SPOOL_SPOOL_READ_H

#include "base/base.h"
#include "spool/envelope.h"
#include "spool/spool.h"
#include "spool/spool_id.h"

/*
 * 0 and *out (envelope_free); -1 with errno: ENOENT, EBADMSG when it is
 * unfinished or damaged, EFBIG past LIMIT_ENVELOPE, ELOOP and ENOTSUP for
 * what is no plain file.
 */
int spool_read_envelope(struct spool *sp, struct spool_ref ref, struct envelope **out) PB_MUST_CHECK;

/* ID.eml for reading (caller closes); a symbolic link or no plain file is refused. */
int spool_read_body(struct spool *sp, struct spool_ref ref) PB_MUST_CHECK;

/* A checksum under way: start with zeroes. */
struct spool_checksum {
	uint64_t at;		/* bytes read, the size at the end */
	uint32_t crc32c;
};

/* Read on, about `most` bytes: 1 when there may be more, 0 at the end, -1 with errno. */
int spool_read_step(int fd, size_t most, struct spool_checksum *sum) PB_MUST_CHECK;

/* Size and crc32c of the open file fd, from its start; -1 with errno. */
int spool_read_checksum(int fd, uint64_t *size_out, uint32_t *crc_out) PB_MUST_CHECK;

#endif
