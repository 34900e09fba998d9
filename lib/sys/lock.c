/*
 * lock: see lock.h.  Locks of open file descriptions, because those of a
 * process (F_SETLK) are dropped when any library closes the same file.
 */
#include "base/base.h"
#include "sys/lock.h"
#include "sys/file.h"
#include <errno.h>

int
lock_file(int dirfd, const char *name, bool wait)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = file_openat(dirfd, name, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
	int result;

	if (fd < 0)
		return -1;
	do
		result = fcntl(fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, &whole);
	while (result < 0 && errno == EINTR);
	if (result == 0)
		return fd;
	if (errno == EACCES)
		errno = EAGAIN;		/* POSIX allows either */
	file_close(&fd);
	return -1;
}
