/*
 * filesystem: by the magic number of fstatfs(2).
 *
 * ext4 does not tell by statfs whether it has a journal; the kernel shows it
 * in /proc/fs/ext4/DEVICE/options or as a jbd2 thread.  Inside a chroot there
 * is no /proc: then, and whenever in doubt, the answer is FILESYSTEM_LOCAL,
 * which costs more fsync calls and is always right.
 */
#include "base/base.h"
#include "sys/filesystem.h"
#include "sys/file.h"
#include <errno.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#define MAGIC_EXT4 0xef53
#define MAGIC_TMPFS 0x01021994
#define MAGIC_RAMFS 0x858458f6u

static const struct {
	uint32_t magic;
	const char *name;
	enum filesystem_kind kind;
} known[] = {
	{ MAGIC_EXT4, "ext4", FILESYSTEM_LOCAL },
	{ 0x58465342, "xfs", FILESYSTEM_LOCAL },
	{ 0x9123683e, "btrfs", FILESYSTEM_LOCAL },
	{ 0xf2f52010, "f2fs", FILESYSTEM_LOCAL },
	{ 0x2fc12fc1, "zfs", FILESYSTEM_LOCAL },
	{ 0x794c7630, "overlayfs", FILESYSTEM_LOCAL },
	{ 0xca451a4e, "bcachefs", FILESYSTEM_LOCAL },
	{ MAGIC_TMPFS, "tmpfs", FILESYSTEM_MEMORY },
	{ MAGIC_RAMFS, "ramfs", FILESYSTEM_MEMORY },
	{ 0x6969, "nfs", FILESYSTEM_REMOTE },
	{ 0xff534d42u, "cifs", FILESYSTEM_REMOTE },
	{ 0xfe534d42u, "smb2", FILESYSTEM_REMOTE },
	{ 0x517b, "smb", FILESYSTEM_REMOTE },
	{ 0x01021997, "9p", FILESYSTEM_REMOTE },
	{ 0x65735546, "fuse", FILESYSTEM_REMOTE },
	{ 0x00c36400, "ceph", FILESYSTEM_REMOTE },
	{ 0x5346414f, "afs", FILESYSTEM_REMOTE },
	{ 0x73757245, "coda", FILESYSTEM_REMOTE },
	{ 0x01161970, "gfs2", FILESYSTEM_REMOTE },
	{ 0x7461636f, "ocfs2", FILESYSTEM_REMOTE }
};

/*
 * A journalling ext4 has the feature in its superblock; sysfs names the block
 * device, /proc/fs/jbd2 has one entry for each journal, "DEVICE-INODE".
 */
static bool
ext4_has_journal(int fd)
{
	char path[64], target[256];
	const char *device;
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) < 0)
		return false;
	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u", major(st.st_dev), minor(st.st_dev));
	n = readlink(path, target, sizeof(target) - 1);
	if (n <= 0)
		return false;
	target[n] = '\0';
	device = strrchr(target, '/');
	snprintf(path, sizeof(path), "/proc/fs/jbd2/%.40s-8", device == NULL ? target : device + 1);
	return access(path, F_OK) == 0;
}

static int
find(int fd)
{
	struct statfs sf;

	if (fstatfs(fd, &sf) < 0)
		return -1;
	for (size_t i = 0; i < PB_COUNT(known); i++)
		if (known[i].magic == (uint32_t)sf.f_type)
			return (int)i;
	errno = 0;
	return -1;
}

static bool is_assumed;
static enum filesystem_kind assumed;

void
filesystem_assume(enum filesystem_kind kind)
{
	is_assumed = true;
	assumed = kind;
}

int
filesystem_kind(int fd, enum filesystem_kind *out)
{
	int i = find(fd);

	if (is_assumed) {
		*out = assumed;
		return 0;
	}
	if (i < 0 && errno != 0)
		return -1;
	*out = i < 0 ? FILESYSTEM_LOCAL : known[i].kind;
	if (i >= 0 && known[i].magic == MAGIC_EXT4 && ext4_has_journal(fd))
		*out = FILESYSTEM_JOURNAL_GROUPS;
	return 0;
}

const char *
filesystem_name(int fd)
{
	int i = find(fd);

	return i < 0 ? "unknown" : known[i].name;
}
