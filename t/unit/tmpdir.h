/*
 * tmpdir: a directory for one test, removed at its end.
 */
#ifndef T_UNIT_TMPDIR_H
#define T_UNIT_TMPDIR_H

#include "base/base.h"
#include "base/die.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>

static char tmpdir_path[256];

/* Make it and open it; it lies in TMPDIR or /tmp. */
static int
tmpdir_open(const char *name)
{
	const char *base = getenv("TMPDIR");
	int fd;

	snprintf(tmpdir_path, sizeof(tmpdir_path), "%s/pb-%s-XXXXXX", base != NULL ? base : "/tmp", name);
	if (mkdtemp(tmpdir_path) == NULL)
		bug("mkdtemp %s: %m", tmpdir_path);
	fd = open(tmpdir_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		bug("open %s: %m", tmpdir_path);
	return fd;
}

static int
tmpdir_remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st, (void)type, (void)where;
	return remove(path);
}

__attribute__((unused))
static void
tmpdir_remove(void)
{
	nftw(tmpdir_path, tmpdir_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
