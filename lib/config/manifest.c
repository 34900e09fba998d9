/*
 * manifest: look-up in the table and making what it describes.
 *
 * A folder gets its owner and mode through a descriptor opened without
 * following links, so that nobody can put something else in its place.
 */
#include "base/base.h"
#include "config/manifest.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include "base/die.h"
#include "sys/user.h"

/* Match one component against a pattern with at most a few "*". */
static bool
component_matches(const char *pattern, size_t np, const char *s, size_t ns)
{
	if (np == 0)
		return ns == 0;
	if (*pattern != '*')
		return ns > 0 && *s == *pattern && component_matches(pattern + 1, np - 1, s + 1, ns - 1);
	for (size_t skip = 0; skip <= ns; skip++)
		if (component_matches(pattern + 1, np - 1, s + skip, ns - skip))
			return true;
	return false;
}

static bool
path_matches(const char *pattern, const char *path)
{
	for (;;) {
		size_t np = strcspn(pattern, "/"), ns = strcspn(path, "/");

		if (!component_matches(pattern, np, path, ns))
			return false;
		if (pattern[np] != path[ns])
			return false;
		if (pattern[np] == '\0')
			return true;
		pattern += np + 1;
		path += ns + 1;
	}
}

const struct manifest_entry *
manifest_find(const char *path)
{
	const struct manifest_entry *found = NULL;

	for (size_t i = 0; i < manifest_count; i++) {
		if (strcmp(manifest_table[i].path, path) == 0)
			return &manifest_table[i];
		if (found == NULL && path_matches(manifest_table[i].path, path))
			found = &manifest_table[i];
	}
	return found;
}

int
manifest_owner(const struct manifest_entry *e, uid_t *uid_out, gid_t *gid_out)
{
	uid_t other_uid;
	gid_t other_gid;

	*uid_out = geteuid();
	*gid_out = getegid();
	if (geteuid() != 0)
		return 0;
	*uid_out = 0;
	*gid_out = 0;
	if (strcmp(e->owner, "root") != 0 && user_find(e->owner, uid_out, &other_gid) != 0)
		return -1;
	if (strcmp(e->group, "root") != 0 && user_find(e->group, &other_uid, gid_out) != 0)
		return -1;
	return 0;
}

int
manifest_apply(int fd, const char *path)
{
	const struct manifest_entry *e = manifest_find(path);
	uid_t uid;
	gid_t gid;

	if (e == NULL)
		bug("%s is not in the manifest", path);
	if (manifest_owner(e, &uid, &gid) != 0)
		return -1;
	if (geteuid() == 0 && fchown(fd, uid, gid) != 0)
		return -1;
	return fchmod(fd, e->mode);
}

int
manifest_make_dir(int dirfd, const char *name, const char *path)
{
	int fd, rc, saved;

	if (mkdirat(dirfd, name, 0700) != 0)
		return errno == EEXIST ? 0 : -1;
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -1;
	rc = manifest_apply(fd, path);
	saved = errno;
	close(fd);
	errno = saved;
	return rc;
}
