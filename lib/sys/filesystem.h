/*
 * filesystem: what a file system promises about fsync, so that the spool and
 * the deliverer make neither too few synchronous calls nor too many.
 */
#ifndef SYS_FILESYSTEM_H
#define SYS_FILESYSTEM_H

#include "base/base.h"

enum filesystem_kind {
	/*
	 * ext4 with a journal: one fsync of a file or directory commits the
	 * running transaction and with it every link, rename and unlink made
	 * before, in whatever directory of that file system.  Bytes that were
	 * written out (file_write_out) before a name was made are on the
	 * device, with their place and the file's length in this transaction
	 * or an earlier one: no cut leaves that name without them, and the
	 * commit that makes the name durable flushes the device first.
	 */
	FILESYSTEM_JOURNAL_GROUPS,
	/* A local file system: fsync of a directory makes its names durable,
	 * fsync of a new file its own first name (ext4 without a journal,
	 * xfs, btrfs and others). */
	FILESYSTEM_LOCAL,
	/* Keeps nothing over a power cut by nature (tmpfs): tests only. */
	FILESYSTEM_MEMORY,
	/* Another machine's (NFS, CIFS, 9p, FUSE ...): locks, leases and fsync
	 * promise too little for the spool. */
	FILESYSTEM_REMOTE
};

/* Of the open file or directory fd; -1 with errno. */
int filesystem_kind(int fd, enum filesystem_kind *out) PB_MUST_CHECK;

/*
 * From now on say that every file system is of this kind.  For the crash
 * tests, which run on one file system what was made for another.
 */
void filesystem_assume(enum filesystem_kind kind);

/* "ext4", "xfs", "nfs" ... or "unknown"; static. */
const char *filesystem_name(int fd);

#endif
