/*
 * refresh_file: one file of settings, read by a helper; what stands in its answers.
 *
 * Paths are made of names that passed config/format.h and opened below the
 * folders' descriptors with RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS: no name, and no
 * link that somebody planted, leads anywhere else.
 */
#include "base/base.h"
#include "refresh_private.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include "base/buf.h"

int
refresh_file_open(int dirfd, const char *path, uint64_t flags)
{
	struct open_how how = {
		.flags = flags | O_CLOEXEC | O_NOFOLLOW,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};

	return (int)syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
}

struct file_stamp
refresh_file_stamp(int dirfd, const char *path)
{
	struct file_stamp s = { 0 };
	struct stat st;

	if (fstatat(dirfd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode)) {
		s.exists = true;
		s.stamp.mtime_ns = (uint64_t)st.st_mtim.tv_sec * 1000000000 + (uint64_t)st.st_mtim.tv_nsec;
		s.stamp.size = (uint64_t)st.st_size;
		s.stamp.inode = st.st_ino;
	}
	return s;
}

bool
refresh_file_same(const struct stamp *a, const struct stamp *b)
{
	return a->mtime_ns == b->mtime_ns && a->size == b->size && a->inode == b->inode;
}

bool
refresh_file_parse(struct refresh *r, int dirfd, const char *path, const char *kind, parse_take *take, void *ctx)
{
	char why[512] = "";
	int fd = refresh_file_open(dirfd, path, O_RDONLY | O_NONBLOCK);
	bool good;

	if (fd < 0) {
		log_failure(r->svc, NULL, NULL, "event=settings-unreadable file=%s errno=%d", path, errno);
		return false;
	}
	good = helpers_parse(r->helpers, kind, fd, take, ctx, why, sizeof(why));
	close(fd);
	if (!good)
		log_failure(r->svc, NULL, NULL, "event=settings-refused file=%s why=\"%s\"", path, why);
	return good;
}

void
refresh_copy(struct span s, char *out, size_t size)
{
	struct buf b;

	buf_init_fixed(&b, out, size);
	buf_span(&b, s);
	if (b.overflow)
		out[0] = '\0';
}

void
refresh_copy_lower(struct span s, char *out, size_t size)
{
	refresh_copy(s, out, size);
	for (char *c = out; *c != '\0'; c++)
		*c = char_lower(*c);
}

bool
refresh_is_on(const struct record *rec, const char *key)
{
	return span_is(record_get(rec, key), "1");
}

void
refresh_put_trusted(struct index *ix, struct span domain, struct span user, const struct record *rec)
{
	char pattern[LIMIT_ADDRESS + 1];

	refresh_copy_lower(record_get(rec, "pattern"), pattern, sizeof(pattern));
	if (pattern[0] != '\0')
		index_put_trusted(ix, domain, user, span_of(pattern));
}
