/*
 * file: the table of calls that change files, and wrappers that do them whole.
 *
 * The wrappers hold all the looping (short writes, EINTR), so that a table for
 * tests sees single calls and stays small.
 */
#include "base/base.h"
#include "sys/file.h"
#include <errno.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static int
kernel_openat(int dirfd, const char *path, int flags, mode_t mode)
{
	return openat(dirfd, path, flags, mode);
}

static int
kernel_openat2(int dirfd, const char *path, int flags, mode_t mode, uint64_t resolve)
{
	struct open_how how = { .flags = (uint64_t)flags, .resolve = resolve };

	if (flags & (O_CREAT | __O_TMPFILE))
		how.mode = mode;
	return (int)syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
}

static int
kernel_linkat(int olddir, const char *old, int newdir, const char *name)
{
	return linkat(olddir, old, newdir, name, 0);
}

static int
kernel_write_out(int fd)
{
	return sync_file_range(fd, 0, 0,
		SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
}

static void
kernel_start_write(int fd)
{
	(void)sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
}

const struct file_calls file_calls_kernel = {
	.openat = kernel_openat,
	.openat2 = kernel_openat2,
	.write = write,
	.pwrite = pwrite,
	.fsync = fsync,
	.fdatasync = fdatasync,
	.write_out = kernel_write_out,
	.start_write = kernel_start_write,
	.fsync_dir = fsync,
	.linkat = kernel_linkat,
	.renameat = renameat2,
	.unlinkat = unlinkat,
	.mkdirat = mkdirat,
	.ftruncate = ftruncate,
	.close = close
};

const struct file_calls *file_calls = &file_calls_kernel;

#define FILE_FLAGS (O_CLOEXEC | O_NOCTTY)
#define RETRY(call) \
	int result; \
	do \
		result = (call); \
	while (result < 0 && errno == EINTR); \
	return result

int
file_openat(int dirfd, const char *path, int flags, mode_t mode)
{
	RETRY(file_calls->openat(dirfd, path, flags | FILE_FLAGS, mode));
}

int
file_openat2(int dirfd, const char *path, int flags, mode_t mode)
{
	RETRY(file_calls->openat2(dirfd, path, flags | FILE_FLAGS, mode,
		RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS));
}

int
file_open_dir(int dirfd, const char *path)
{
	return file_openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
}

int
file_write_all(int fd, const void *data, size_t n)
{
	const char *p = data;

	while (n > 0) {
		ssize_t done = file_calls->write(fd, p, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done == 0)
			errno = EIO;
		if (done <= 0)
			return -1;
		p += done;
		n -= (size_t)done;
	}
	return 0;
}

int
file_pwrite_all(int fd, const void *data, size_t n, off_t at)
{
	const char *p = data;

	while (n > 0) {
		ssize_t done = file_calls->pwrite(fd, p, n, at);

		if (done < 0 && errno == EINTR)
			continue;
		if (done == 0)
			errno = EIO;
		if (done <= 0)
			return -1;
		p += done;
		at += done;
		n -= (size_t)done;
	}
	return 0;
}

/* fsync is not repeated after EINTR: whether the data is there is then unknown. */
int
file_fsync(int fd)
{
	return file_calls->fsync(fd);
}

int
file_fdatasync(int fd)
{
	return file_calls->fdatasync(fd);
}

int
file_write_out(int fd)
{
	return file_calls->write_out(fd);
}

/* What fails here fails again where it is waited for. */
void
file_start_write(int fd)
{
	file_calls->start_write(fd);
}

int
file_fsync_dir(int dirfd)
{
	return file_calls->fsync_dir(dirfd);
}

int
file_linkat(int olddir, const char *old, int newdir, const char *name)
{
	return file_calls->linkat(olddir, old, newdir, name);
}

int
file_renameat(int olddir, const char *old, int newdir, const char *name, unsigned flags)
{
	return file_calls->renameat(olddir, old, newdir, name, flags);
}

int
file_unlinkat(int dirfd, const char *name, int flags)
{
	return file_calls->unlinkat(dirfd, name, flags);
}

int
file_mkdirat(int dirfd, const char *name, mode_t mode)
{
	return file_calls->mkdirat(dirfd, name, mode);
}

int
file_ftruncate(int fd, off_t size)
{
	RETRY(file_calls->ftruncate(fd, size));
}

void
file_close(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		file_calls->close(*fd);
	*fd = -1;
	errno = saved;
}

int
file_read_all(int fd, struct buf *out)
{
	off_t at = 0;

	for (;;) {
		char piece[16384];
		ssize_t n = pread(fd, piece, sizeof(piece), at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n == 0 ? 0 : -1;
		if (!buf_put(out, piece, (size_t)n)) {
			errno = EFBIG;
			return -1;
		}
		at += n;
	}
}
