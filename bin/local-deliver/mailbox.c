/*
 * mailbox: put one message into one mailbox.
 *
 * A delivery is one hard link: new/NAME becomes another name of the spool file.
 * Invariants:
 *  1. Nothing outside DOMAIN/users/USER/Maildir is touched: openat2 resolves
 *     beneath the domains folder and refuses every symlink (4.2.0).
 *  2. EEXIST counts as delivered only when it is this very message: the same
 *     inode, or for a copy the same bytes.  Else another name is tried.
 *  3. A copy appears under its name only after its bytes are synced.
 *
 * Crash: a link without the caller's sync may or may not survive; the job was
 * then not answered, is repeated, and finds the link or makes it again.
 */
#include "base/base.h"
#include "mailbox.h"

#include <errno.h>
#include <fcntl.h>

#include "base/buf.h"
#include "base/limits.h"
#include "sys/file.h"

#define NAME_SIZE 160
#define PATH_SIZE (LIMIT_ADDRESS + 64)
#define NAME_TRIES 20		/* names taken by other files before we give up */
#define COPY_BLOCK 65536

static int
open_folder(int at, const char *path)
{
	return file_openat2(at, path, O_RDONLY | O_DIRECTORY, 0);
}

/* A folder name of the store: one component, not hidden, without control bytes. */
static bool
is_component(struct span s)
{
	if (s.n == 0 || s.n > LIMIT_DOMAIN || s.p[0] == '.')
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '/' || (unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return false;
	return true;
}

static bool
maildir_path(struct span address, struct buf *out)
{
	ssize_t at = span_rfind(address, '@');
	struct span user, domain;

	if (at < 0)
		return false;
	user = span_first(address, (size_t)at);
	domain = span_from(address, (size_t)at + 1);
	if (!is_component(user) || !is_component(domain))
		return false;
	buf_span(out, domain);
	buf_text_put(out, "/users/");
	buf_span(out, user);
	buf_text_put(out, "/Maildir");
	return !out->overflow;
}

/* The three folders of an existing Maildir; those that are missing are made. */
static int
complete_maildir(int domains, const char *path)
{
	static const char *const folders[] = { "tmp", "new", "cur" };
	int result = 0, maildir = open_folder(domains, path);

	if (maildir < 0)
		return -1;
	for (size_t i = 0; i < PB_COUNT(folders); i++)
		if (file_mkdirat(maildir, folders[i], 0700) < 0 && errno != EEXIST)
			result = -1;
	if (result == 0)
		result = file_fsync_dir(maildir);
	file_close(&maildir);
	return result;
}

/* Descriptor of Maildir/FOLDER, or -1 with errno. */
static int
open_in_maildir(int domains, struct span address, const char *folder)
{
	char storage[PATH_SIZE];
	struct buf path;
	size_t base;
	int fd;

	buf_init_fixed(&path, storage, sizeof(storage));
	if (!maildir_path(address, &path)) {
		errno = EINVAL;
		return -1;
	}
	base = path.n;
	buf_printf(&path, "/%s", folder);
	if (path.overflow) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = open_folder(domains, storage);
	if (fd >= 0 || errno != ENOENT)
		return fd;
	buf_cut(&path, base);
	if (complete_maildir(domains, storage) < 0)
		return -1;
	buf_printf(&path, "/%s", folder);
	return open_folder(domains, storage);
}

static void
make_name(const struct message *m, uint32_t number, unsigned attempt, char out[NAME_SIZE])
{
	struct buf b;

	buf_init_fixed(&b, out, NAME_SIZE);
	buf_printf(&b, "%lld.Q%lluR%u", (long long)m->st.st_mtime, (unsigned long long)m->id, number);
	if (attempt > 0)
		buf_printf(&b, "T%u", attempt);
	buf_printf(&b, ".pillarbox,S=%lld", (long long)m->st.st_size);
}

/* True when both descriptors read the same bytes to the end. */
static bool
same_bytes(int a, int b)
{
	static char x[COPY_BLOCK], y[COPY_BLOCK];

	for (off_t at = 0;;) {
		ssize_t n = pread(a, x, sizeof(x), at), k = pread(b, y, sizeof(y), at);

		if (n < 0 || n != k || memcmp(x, y, (size_t)n) != 0)
			return false;
		if (n == 0)
			return true;
		at += n;
	}
}

/* Is the file that holds our name this message (invariant 2)? */
static bool
is_this_message(int dir, const char *name, const struct message *m)
{
	struct stat st;
	bool same;
	int fd;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
		return false;
	if (st.st_dev == m->st.st_dev && st.st_ino == m->st.st_ino)
		return true;
	if (st.st_size != m->st.st_size)
		return false;
	fd = file_openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
	if (fd < 0)
		return false;
	same = same_bytes(m->fd, fd);
	file_close(&fd);
	return same;
}

static int
copy_bytes(const struct message *m, int to)
{
	static char block[COPY_BLOCK];

	for (off_t at = 0;;) {
		ssize_t n = pread(m->fd, block, sizeof(block), at);

		if (n < 0)
			return -1;
		if (n == 0)
			return at == m->st.st_size ? 0 : (errno = EIO, -1);
		if (file_write_all(to, block, (size_t)n) < 0)
			return -1;
		at += n;
	}
}

/* Where no link can be made: tmp/NAME, synced, then linked into new/. */
static int
copy_message(int domains, struct span address, int dir, const char *name, const struct message *m)
{
	int saved, result = -1, fd, tmp = open_in_maildir(domains, address, "tmp");

	if (tmp < 0)
		return -1;
	if (file_unlinkat(tmp, name, 0) < 0 && errno != ENOENT)
		goto out;
	fd = file_openat(tmp, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0440);
	if (fd < 0)
		goto out;
	result = copy_bytes(m, fd);
	if (result == 0)
		result = file_fsync(fd);
	file_close(&fd);
	if (result == 0)
		result = file_linkat(tmp, name, dir, name);
	saved = errno;
	if (file_unlinkat(tmp, name, 0) < 0 && result == 0)
		saved = errno;
	errno = saved;
out:
	saved = errno;
	file_close(&tmp);
	errno = saved;
	return result;
}

static struct verdict
explain(int error)
{
	switch (error) {
	case ENOSPC:
	case EDQUOT:
		return verdict_make(452, "4.2.2", "no space left for the mailbox");
	case ENOENT:
		return verdict_make(450, "4.2.0", "the mailbox has no folder yet");
	case ELOOP:
	case ENOTDIR:
	case EXDEV:
	case EINVAL:
	case ENAMETOOLONG:
		return verdict_make(450, "4.2.0", "the mailbox is not as it should be");
	case EEXIST:
		return verdict_make(450, "4.2.0", "the names in the mailbox are taken");
	case EACCES:
	case EPERM:
		return verdict_make(450, "4.2.0", "no right to write to the mailbox");
	default:
		return verdict_make(451, "4.3.0", "the mailbox cannot be written now");
	}
}

/* One name; 0, or -1 with errno, EEXIST when somebody else has it. */
static int
place_as(int domains, struct span address, int dir, const char *name, const struct message *m,
	struct placed *out)
{
	int result = file_linkat(m->spool, m->file, dir, name);

	out->linked = result == 0;
	if (result < 0 && (errno == EMLINK || errno == EXDEV || errno == EPERM)) {
		result = copy_message(domains, address, dir, name, m);
		out->copied = true;
	}
	if (result < 0 && errno == EEXIST) {
		if (is_this_message(dir, name, m))
			return 0;
		errno = EEXIST;
	}
	return result;
}

void
mailbox_place(int domains, const struct message *m, uint32_t number, struct span address,
	bool keep_dir, struct placed *out)
{
	char name[NAME_SIZE];
	int result = -1, dir = open_in_maildir(domains, address, "new");

	out->dir = -1;
	out->linked = out->copied = false;
	if (dir < 0) {
		out->verdict = explain(errno);
		return;
	}
	for (unsigned attempt = 0; attempt < NAME_TRIES; attempt++) {
		make_name(m, number, attempt, name);
		result = place_as(domains, address, dir, name, m, out);
		if (result == 0 || errno != EEXIST)
			break;
	}
	out->verdict = result == 0 ? verdict_make(250, "2.0.0", "delivered to mailbox") : explain(errno);
	if (result == 0 && (keep_dir || out->copied))
		out->dir = dir;
	else
		file_close(&dir);
}
