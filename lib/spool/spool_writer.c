/*
 * spool_writer: does anybody still have this file open for writing?
 *
 * A read lease is granted only when nobody has, in any process, and also not
 * in a descriptor that is on its way through a socket.  It needs the owner of
 * the file or CAP_LEASE.  It is dropped when our descriptor is closed; to make
 * that no race of its own, receivers are gone before this is asked, and a
 * name that they never knew cannot be opened again by them.
 */
#include "base/base.h"
#include "spool/spool_parts.h"
#include "sys/clock.h"
#include "sys/file.h"
#include <errno.h>

int
spool_open_unwritten(int dirfd, const char *name, unsigned wait_ms)
{
	uint64_t end = clock_ms() + wait_ms;
	int fd = spool_open_plain(dirfd, name, O_RDONLY);

	if (fd < 0)
		return -1;
	while (fcntl(fd, F_SETLEASE, F_RDLCK) < 0) {
		int error = errno;

		if (error == EAGAIN && clock_ms() < end) {
			clock_sleep_ms(1);
			continue;
		}
		file_close(&fd);
		errno = error;
		return -1;
	}
	return fd;
}

int
spool_no_writer(int dirfd, const char *name, unsigned wait_ms)
{
	int fd = spool_open_unwritten(dirfd, name, wait_ms);

	if (fd < 0)
		return -1;
	file_close(&fd);
	return 0;
}
