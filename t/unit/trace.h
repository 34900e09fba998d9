/*
 * trace: which calls of lib/sys/file.h were made, one letter each, in their order:
 * w write, s fsync, d fdatasync, D fsync of a folder, l link, r rename, m mkdir.
 */
#ifndef T_UNIT_TRACE_H
#define T_UNIT_TRACE_H

#include "base/base.h"
#include "sys/file.h"

#include <errno.h>

static char trace[4096];
static size_t traced;
static bool trace_refuses_links;

static void
note(char letter)
{
	if (traced + 1 < sizeof(trace))
		trace[traced++] = letter;
	trace[traced] = '\0';
}

static ssize_t
noted_write(int fd, const void *p, size_t n)
{
	note('w');
	return file_calls_kernel.write(fd, p, n);
}

static int
noted_fsync(int fd)
{
	note('s');
	return file_calls_kernel.fsync(fd);
}

static int
noted_fdatasync(int fd)
{
	note('d');
	return file_calls_kernel.fdatasync(fd);
}

static int
noted_fsync_dir(int fd)
{
	note('D');
	return file_calls_kernel.fsync_dir(fd);
}

static int
noted_linkat(int olddir, const char *old, int newdir, const char *name)
{
	if (trace_refuses_links) {
		errno = EMLINK;
		return -1;
	}
	note('l');
	return file_calls_kernel.linkat(olddir, old, newdir, name);
}

static int
noted_renameat(int olddir, const char *old, int newdir, const char *name, unsigned flags)
{
	note('r');
	return file_calls_kernel.renameat(olddir, old, newdir, name, flags);
}

static int
noted_mkdirat(int dirfd, const char *name, mode_t mode)
{
	note('m');
	return file_calls_kernel.mkdirat(dirfd, name, mode);
}

static inline void
trace_clear(void)
{
	traced = 0;
	trace[0] = '\0';
}

static inline void
trace_begin(void)
{
	static struct file_calls calls;

	calls = file_calls_kernel;
	calls.write = noted_write;
	calls.fsync = noted_fsync;
	calls.fdatasync = noted_fdatasync;
	calls.fsync_dir = noted_fsync_dir;
	calls.linkat = noted_linkat;
	calls.renameat = noted_renameat;
	calls.mkdirat = noted_mkdirat;
	trace_clear();
	file_calls = &calls;
}

static inline void
trace_end(void)
{
	file_calls = &file_calls_kernel;
}

/* Are the letters of `want` in the trace, in this order, whatever lies between? */
static inline bool
trace_has(const char *want)
{
	for (const char *at = trace; *want != '\0'; want++, at++) {
		at = strchr(at, *want);
		if (at == NULL)
			return false;
	}
	return true;
}

#endif
