/*
 * file: every call that changes a file, behind one table.
 *
 * The room lib/sys wraps the kernel: durable files, locks, users, the sandbox,
 * passing of descriptors, clock and random numbers.
 *
 * The spool, the store and the settings change files only through this table,
 * so that tests can stop a program at its N-th change, let that change fail,
 * or record all of them and build the disk that a power cut would leave.
 * Reading (read, fstat, readdir) is not in the table: it changes nothing.
 *
 * All functions return -1 with errno set on error unless said otherwise, and
 * repeat a call that EINTR cut short (except close, where Linux has always
 * closed the descriptor).
 */
#ifndef SYS_FILE_H
#define SYS_FILE_H

#include "base/base.h"
#include "base/buf.h"
#include <fcntl.h>

struct file_calls {
	int (*openat)(int dirfd, const char *path, int flags, mode_t mode);
	/* resolve: RESOLVE_* of linux/openat2.h */
	int (*openat2)(int dirfd, const char *path, int flags, mode_t mode, uint64_t resolve);
	ssize_t (*write)(int fd, const void *data, size_t n);
	ssize_t (*pwrite)(int fd, const void *data, size_t n, off_t at);
	int (*fsync)(int fd);
	int (*fdatasync)(int fd);
	int (*write_out)(int fd);
	void (*start_write)(int fd);
	int (*fsync_dir)(int dirfd);
	int (*linkat)(int olddir, const char *old, int newdir, const char *name);
	int (*renameat)(int olddir, const char *old, int newdir, const char *name, unsigned flags);
	int (*unlinkat)(int dirfd, const char *name, int flags);
	int (*mkdirat)(int dirfd, const char *name, mode_t mode);
	int (*ftruncate)(int fd, off_t size);
	int (*close)(int fd);
};

/* The kernel's own calls, and the table in use (these, unless a test changed it). */
extern const struct file_calls file_calls_kernel;
extern const struct file_calls *file_calls;

/* O_CLOEXEC and O_NOCTTY are always added. */
int file_openat(int dirfd, const char *path, int flags, mode_t mode) PB_MUST_CHECK;
/* With RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS. */
int file_openat2(int dirfd, const char *path, int flags, mode_t mode) PB_MUST_CHECK;
/* A directory, for fsync and as dirfd: O_RDONLY | O_DIRECTORY | O_NOFOLLOW. */
int file_open_dir(int dirfd, const char *path) PB_MUST_CHECK;

/* 0 when all n bytes were taken. */
int file_write_all(int fd, const void *data, size_t n) PB_MUST_CHECK;
int file_pwrite_all(int fd, const void *data, size_t n, off_t at) PB_MUST_CHECK;

/*
 * After a failed fsync the kernel may have dropped the data, and a second
 * fsync would succeed without it: give the file up, do not try again.
 */
int file_fsync(int fd) PB_MUST_CHECK;
int file_fdatasync(int fd) PB_MUST_CHECK;
int file_fsync_dir(int dirfd) PB_MUST_CHECK;
/*
 * Bring the bytes of fd to the device and wait for it, but commit nothing
 * (sync_file_range(2)).  Nothing is durable by this; what it is worth on
 * FILESYSTEM_JOURNAL_GROUPS is said in sys/filesystem.h.  After an error give
 * the file up, as after fsync.
 */
int file_write_out(int fd) PB_MUST_CHECK;
/* Begin with that and wait for nothing: a hint, for who makes the other call later. */
void file_start_write(int fd);

int file_linkat(int olddir, const char *old, int newdir, const char *name) PB_MUST_CHECK;
/* flags: 0 or RENAME_NOREPLACE. */
int file_renameat(int olddir, const char *old, int newdir, const char *name, unsigned flags) PB_MUST_CHECK;
int file_unlinkat(int dirfd, const char *name, int flags) PB_MUST_CHECK;
int file_mkdirat(int dirfd, const char *name, mode_t mode) PB_MUST_CHECK;
int file_ftruncate(int fd, off_t size) PB_MUST_CHECK;

/* Close and set *fd to -1; does nothing when it is -1.  Write errors that
 * matter were reported by fsync before; errno is kept. */
void file_close(int *fd);

/*
 * Append the whole of fd, from its start, to out; EFBIG when it is longer
 * than out may become.
 */
int file_read_all(int fd, struct buf *out) PB_MUST_CHECK;

#endif
