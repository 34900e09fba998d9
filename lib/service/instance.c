/*
 * instance: where the parts of one running Pillarbox lie.
 *
 * A private instance has all parts below its root; an installed one has them
 * where the file system hierarchy wants them.
 */
#include "base/base.h"
#include "service/instance.h"
#include "base/die.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

static const struct {
	const char *part;
	const char *installed;
} parts[] = {
	{ "etc", PB_SYSCONFDIR "/pillarbox" },
	{ "domains", PB_LOCALSTATEDIR "/lib/pillarbox/domains" },
	{ "state", PB_LOCALSTATEDIR "/lib/pillarbox/state" },
	{ "spool", PB_LOCALSTATEDIR "/spool/pillarbox" },
	{ "log", PB_LOCALSTATEDIR "/log/pillarbox" },
	{ "run", PB_RUNSTATEDIR "/pillarbox" },
};

static int
open_private(struct instance *in, const char *root)
{
	char *real = realpath(root, NULL);
	size_t n;

	if (real == NULL)
		return -1;
	n = strlen(real);
	if (n >= INSTANCE_PATH_MAX / 2) {
		free(real);
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(in->root, real, n + 1);
	free(real);
	in->is_private = true;
	in->root_fd = open(in->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return in->root_fd < 0 ? -1 : 0;
}

int
instance_open(struct instance *in, const char *root)
{
	struct stat st;

	*in = (struct instance){ .root_fd = -1 };
	if (root == NULL)
		root = getenv("PILLARBOX_ROOT");
	if (root != NULL && *root != '\0') {
		if (open_private(in, root) != 0)
			return -1;
	} else {
		in->root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (in->root_fd < 0)
			return -1;
	}
	if (fstat(in->root_fd, &st) != 0) {
		instance_close(in);
		return -1;
	}
	in->owner = st.st_uid;
	in->single_uid = st.st_uid != 0;
	return 0;
}

void
instance_close(struct instance *in)
{
	int saved = errno;

	if (in->root_fd >= 0)
		close(in->root_fd);
	in->root_fd = -1;
	errno = saved;
}

const char *
instance_path(const struct instance *in, char out[INSTANCE_PATH_MAX], const char *name)
{
	size_t n = strcspn(name, "/");
	int made = -1;

	for (size_t i = 0; i < PB_COUNT(parts) && made < 0; i++) {
		if (strlen(parts[i].part) != n || memcmp(parts[i].part, name, n) != 0)
			continue;
		if (in->is_private)
			made = snprintf(out, INSTANCE_PATH_MAX, "%s/%s", in->root, name);
		else
			made = snprintf(out, INSTANCE_PATH_MAX, "%s%s", parts[i].installed, name + n);
	}
	if (made < 0 || made >= INSTANCE_PATH_MAX)
		bug("no path in the instance: %s", name);
	return out;
}

int
instance_openat(const struct instance *in, const char *name, int flags, mode_t mode)
{
	char path[INSTANCE_PATH_MAX];

	return open(instance_path(in, path, name), flags | O_CLOEXEC, mode);
}
