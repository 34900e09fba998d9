/*
 * spool_parts: the inside of struct spool, for the files of this room.
 */
#ifndef SPOOL_SPOOL_PARTS_H
#define SPOOL_SPOOL_PARTS_H

#include "base/base.h"
#include "base/buf.h"
#include "spool/spool.h"
#include "spool/spool_id.h"

struct spool_folder {
	int fd;
	uint32_t count;		/* intake's estimate of the messages in it */
	uint32_t recount;	/* list it again when count reaches this */
};

struct spool {
	int fd;				/* the spool itself; borrowed */
	int corrupt_fd;
	struct spool_folder *folders;	/* sub_count, and the root as the last */
	uint32_t sub_count;		/* that exist: SubSpool folders are never removed */
	uint32_t use_count;		/* of these get new messages: setting subSpools */
	uint32_t sub_size;
	bool sync_directory;
	enum filesystem_kind filesystem;
	uint64_t next_id;		/* 0: the mark has not been read yet */
	uint64_t id_first;		/* next_id when it was read */
	uint64_t id_mark;		/* durable: ids below it may be used */
	spool_log *log;
	void *log_ctx;
};

/* Largest id with a file in any folder and in corrupt/; 0 when there is none. */
int spool_largest_id(struct spool *sp, uint64_t *out) PB_MUST_CHECK;

/* The whole of a plain file of this folder, for envelopes; see spool_read.h for errors. */
int spool_read_text(int dirfd, const char *name, struct buf *out) PB_MUST_CHECK;

/* Open for reading, refusing symbolic links and what is no plain file (ENOTSUP). */
int spool_open_plain(int dirfd, const char *name, int flags) PB_MUST_CHECK;

/*
 * Move what is left of a message to corrupt/, each file under its own name, or
 * with ".1" … behind it when that is taken; nothing is ever overwritten.
 */
int spool_to_corrupt(struct spool *sp, struct spool_ref ref, const char *why) PB_MUST_CHECK;

/*
 * Open for reading once nobody has the file open for writing; -1 with EAGAIN
 * when somebody still has after wait_ms.  The read lease ends with the descriptor.
 */
int spool_open_unwritten(int dirfd, const char *name, unsigned wait_ms) PB_MUST_CHECK;

/* 0 when nobody has the file open for writing; -1 with EAGAIN when somebody has. */
int spool_no_writer(int dirfd, const char *name, unsigned wait_ms) PB_MUST_CHECK;

#endif
