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
spool_no_writer(int dirfd, const char *name, unsigned wait_ms)
{
	uint64_t end = clock_ms() + wait_ms;
	int fd = spool_open_plain(dirfd, name, O_RDONLY);
	int result;

	if (fd < 0)
		return -1;
	for (;;) {
		result = fcntl(fd, F_SETLEASE, F_RDLCK);
		if (result == 0 || errno != EAGAIN || clock_ms() >= end)
			break;
		clock_sleep_ms(1);
	}
	file_close(&fd);
	return result;
}
