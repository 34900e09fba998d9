/*
 * durable: tmp, fsync, rename, fsync of the directory.
 *
 * Crash argument: before the rename the old name is untouched; the rename
 * comes after the fsync, so whichever of the two names a power cut leaves
 * points to a whole file.  A left-over ".NAME.tmp" is removed by the next call.
 */
#include "base/base.h"
#include "sys/durable.h"
#include "sys/file.h"
#include <errno.h>
#include <limits.h>
#include <sys/stat.h>

/* Whatever the umask took away.  Confined programs may not chmod, and have no need. */
static int
force_mode(int fd, mode_t mode)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -1;
	return (st.st_mode & 07777) == mode ? 0 : fchmod(fd, mode);
}

/* The new content, durable under the temporary name. */
static int
write_temporary(int dirfd, const char *tmp, const void *data, size_t n, mode_t mode)
{
	int fd, result;

	if (file_unlinkat(dirfd, tmp, 0) < 0 && errno != ENOENT)
		return -1;
	fd = file_openat(dirfd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
	if (fd < 0)
		return -1;
	result = file_write_all(fd, data, n);
	if (result == 0)
		result = force_mode(fd, mode);
	if (result == 0)
		result = file_fsync(fd);
	file_close(&fd);
	return result;
}

int
durable_replace(int dirfd, const char *name, const void *data, size_t n, mode_t mode)
{
	char tmp[NAME_MAX + 1];
	int saved;

	if (snprintf(tmp, sizeof(tmp), ".%s.tmp", name) >= (int)sizeof(tmp)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (write_temporary(dirfd, tmp, data, n, mode) == 0 &&
	    file_renameat(dirfd, tmp, dirfd, name, 0) == 0)
		return file_fsync_dir(dirfd);
	saved = errno;
	(void)!file_unlinkat(dirfd, tmp, 0);	/* if it stays, the next call removes it */
	errno = saved;
	return -1;
}
