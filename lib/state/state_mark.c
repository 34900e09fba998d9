/*
 * state_mark: what is remembered of failures, and the moving aside of a damaged
 * database.
 *
 * The file "failed" holds one byte a failure; its time of change is that of the
 * last.  Failures further apart than STATE_RETRY_SECONDS are not in a row: the
 * file is begun anew.  Two in a row mean that recovery does not help, and the
 * next open moves the database aside.
 *
 * Crash argument: files are moved one by one; a crash in between leaves a
 * database without some of its files, which fails to open, twice, and is moved
 * as well.  Nothing here is worth an fsync: it can all be forgotten.
 */
#include "base/base.h"
#include "state/state_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#define MARK "failed"
#define KEPT 3

bool
state_mark_failure(int home)
{
	struct stat st;
	int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW;
	bool in_a_row = fstatat(home, MARK, &st, AT_SYMLINK_NOFOLLOW) == 0
		&& st.st_size > 0 && st.st_mtime + STATE_RETRY_SECONDS >= time(NULL);
	int fd = openat(home, MARK, in_a_row ? flags : flags | O_TRUNC, 0600);

	if (fd < 0)
		return in_a_row;
	if (write(fd, "x", 1) != 1)
		state_note_error(errno, "write the mark of a failure");
	close(fd);
	return in_a_row;
}

bool
state_mark_says_aside(int home)
{
	struct stat st;

	return fstatat(home, MARK, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_size >= 2;
}

/* A directory stream over name in home; closing it leaves home open. */
static DIR *
open_list(int home, const char *name)
{
	int fd = openat(home, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *list;

	if (fd < 0)
		return NULL;
	list = fdopendir(fd);
	if (list == NULL)
		close(fd);
	return list;
}

static void
remove_kept(int home, const char *name)
{
	DIR *list = open_list(home, name);
	struct dirent *e;

	if (list == NULL)
		return;
	while ((e = readdir(list)) != NULL)
		unlinkat(dirfd(list), e->d_name, 0);
	closedir(list);
	unlinkat(home, name, AT_REMOVEDIR);
}

/* bad-1 is the youngest: the others move one up and the last is dropped. */
static int
make_room(int home)
{
	char from[16], to[16];

	snprintf(to, sizeof(to), "bad-%d", KEPT);
	remove_kept(home, to);
	for (int i = KEPT; i > 1; i--) {
		snprintf(from, sizeof(from), "bad-%d", i - 1);
		snprintf(to, sizeof(to), "bad-%d", i);
		if (renameat(home, from, home, to) < 0 && errno != ENOENT)
			return -1;
	}
	return mkdirat(home, "bad-1", 0700);
}

int
state_move_aside(int home)
{
	DIR *list;
	struct dirent *e;
	int aside, result = 0;

	if (make_room(home) < 0)
		return -1;
	aside = openat(home, "bad-1", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (aside < 0)
		return -1;
	list = open_list(home, ".");
	if (list == NULL) {
		close(aside);
		return -1;
	}
	while ((e = readdir(list)) != NULL) {
		if (e->d_name[0] == '.' || strncmp(e->d_name, "bad-", 4) == 0)
			continue;
		if (renameat(home, e->d_name, aside, e->d_name) < 0)
			result = -1;
	}
	closedir(list);
	close(aside);
	return result;
}
