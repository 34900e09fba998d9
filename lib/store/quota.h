/*
 * quota: limit and use of one user's mail, in the file "maildirsize" of
 * Maildir++: line 1 the limit ("1000000S,500C"; 0 or absent: none), then lines
 * "BYTES COUNT" to be added up.  Everybody who adds or removes mail appends a
 * line (O_APPEND, one write).  Reading costs a file of at most 5 KiB; past
 * that it is counted anew from the indexes and written afresh.
 */
#ifndef STORE_QUOTA_H
#define STORE_QUOTA_H

#include "base/base.h"

struct quota {
	uint64_t limit_bytes;	/* 0: none */
	uint64_t limit_count;
	uint64_t bytes;
	uint64_t count;
};

/* 0, or -1 with errno.  A missing or damaged file is made from what lies in the folders. */
int quota_read(int rootfd, struct quota *out) PB_MUST_CHECK;
/* Messages came or went.  Best effort: the next count repairs it. */
void quota_add(int rootfd, int64_t bytes, int64_t count);
/* Bytes that this process added (less than 0: removed) since it was asked last. */
int64_t quota_moved(void);
/* Bytes of the messages in all folders, found by looking at every file; writes nothing.  0, or -1 with errno. */
int quota_count(int rootfd, uint64_t *bytes_out) PB_MUST_CHECK;
/* Set the limit, keeping the use. */
int quota_set_limit(int rootfd, uint64_t bytes, uint64_t count) PB_MUST_CHECK;
bool quota_has_room(const struct quota *q, uint64_t bytes, uint64_t count);

#endif
