/*
 * maildir_deliver: link, then sync.
 *
 * 1. A name in new/ always belongs to a whole file: before it is linked the
 *    message file's bytes are durable or, on ext4 with a journal, written out
 *    here (sys/filesystem.h); a copy's are durable before it gets its name.
 * 2. EEXIST counts as delivered only when it is this very message.
 * 3. What was there already is synced like what is new: who made the link may
 *    have been killed before its own sync.
 *
 * Durability.  On ext4 with a journal the fsync of a file or folder commits the
 * transaction of its last change and all before it.  So the folder linked last
 * stands for all links of the batch; and a message file whose bytes are not
 * durable yet is synced instead, since each link changed it too.  A link that
 * was there already may sit in a transaction older than nothing we made: its
 * folder is synced by itself.  Elsewhere, for copies (perhaps on another file
 * system) and with sync_always every folder is synced, after the message files.
 *
 * Crash: a link without sync may or may not survive; it was not reported, is
 * made again, and finds itself.  A copy that was cut leaves tmp/NAME, which the
 * repeat removes.
 */
#include "base/base.h"
#include "store/maildir_deliver.h"
#include "base/mem.h"
#include "sys/clock.h"
#include "sys/file.h"
#include "sys/filesystem.h"
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#define NAME_SIZE 128
#define PATH_SIZE 1024
#define NAME_TRIES 20		/* names taken by other files before we give up */
#define HELD_MAX 64		/* of each kind kept open for sync at the end of the batch */
#define COPY_BLOCK 65536
#define TMP_SECONDS (36 * 3600)	/* what the description of Maildir says */

struct maildir_batch {
	bool sync_always;
	bool kind_known;		/* of the file system the messages come from */
	dev_t dev;
	enum filesystem_kind kind;
	int last;			/* folder linked last, -1: none or each is in folders */
	int messages[HELD_MAX];		/* to be synced before the folders */
	size_t message_count;
	dev_t last_dev;			/* of the last of them */
	ino_t last_ino;
	int folders[HELD_MAX];
	size_t count;
	int error;			/* first errno of a sync since the last report */
};

struct maildir_batch *
maildir_batch_new(bool sync_always)
{
	struct maildir_batch *b = mem_new(sizeof(*b));

	b->sync_always = sync_always;
	b->last = -1;
	return b;
}

void
maildir_batch_free(struct maildir_batch **b)
{
	if (*b == NULL)
		return;
	file_close(&(*b)->last);
	for (size_t i = 0; i < (*b)->message_count; i++)
		file_close(&(*b)->messages[i]);
	for (size_t i = 0; i < (*b)->count; i++)
		file_close(&(*b)->folders[i]);
	free(*b);
	*b = NULL;
}

static void
sync_held(struct maildir_batch *b)
{
	for (size_t i = 0; i < b->message_count; i++) {
		if (file_fsync(b->messages[i]) < 0 && b->error == 0)
			b->error = errno;
		file_close(&b->messages[i]);
	}
	b->message_count = 0;
	for (size_t i = 0; i < b->count; i++) {
		if (file_fsync_dir(b->folders[i]) < 0 && b->error == 0)
			b->error = errno;
		file_close(&b->folders[i]);
	}
	b->count = 0;
}

/* Early when the table is full: syncing sooner than promised harms nobody. */
static void
keep_folder(struct maildir_batch *b, int dir)
{
	if (b->count == HELD_MAX)
		sync_held(b);
	b->folders[b->count++] = dir;
}

/*
 * Before the first link to a message that is not durable: its bytes are brought to
 * the device, and it is noted for a sync after the last link.
 */
static int
prepare_message(struct maildir_batch *b, const struct stat *st, int fd)
{
	int copy;

	if (b->message_count > 0 && b->last_ino == st->st_ino && b->last_dev == st->st_dev)
		return 0;
	if (file_write_out(fd) < 0)
		return -1;
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (copy < 0)
		return -1;
	if (b->message_count == HELD_MAX)
		sync_held(b);
	b->messages[b->message_count++] = copy;
	b->last_dev = st->st_dev;
	b->last_ino = st->st_ino;
	return 0;
}

static bool
one_sync_is_enough(struct maildir_batch *b, const struct stat *st, int fd)
{
	if (!b->kind_known || b->dev != st->st_dev) {
		b->kind_known = filesystem_kind(fd, &b->kind) == 0;
		b->dev = st->st_dev;
	}
	return b->kind_known && b->kind == FILESYSTEM_JOURNAL_GROUPS && !b->sync_always;
}

/* The three folders of a Maildir that lacks some of them. */
static int
complete_maildir(int root, const char *path)
{
	static const char *const folders[] = { "tmp", "new", "cur" };
	int result = 0, maildir = file_openat2(root, path, O_RDONLY | O_DIRECTORY, 0);

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

static int
open_folder(int root, const char *path, const char *folder)
{
	char full[PATH_SIZE];
	int fd;

	if (snprintf(full, sizeof(full), "%s/%s", path, folder) >= (int)sizeof(full)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = file_openat2(root, full, O_RDONLY | O_DIRECTORY, 0);
	if (fd >= 0 || errno != ENOENT || complete_maildir(root, path) < 0)
		return fd;
	return file_openat2(root, full, O_RDONLY | O_DIRECTORY, 0);
}

/* True when both descriptors read the same bytes to the end. */
static bool
same_bytes(int a, int b)
{
	char x[4096], y[4096];

	for (off_t at = 0;;) {
		ssize_t n = pread(a, x, sizeof(x), at), k = pread(b, y, sizeof(y), at);

		if (n < 0 || n != k || memcmp(x, y, (size_t)n) != 0)
			return false;
		if (n == 0)
			return true;
		at += n;
	}
}

/* Is the file that has our name this message (invariant 2)? */
static bool
is_this_message(const struct maildir_message *m, const struct stat *st, int dir, const char *name)
{
	struct stat other;
	bool same;
	int fd;

	if (fstatat(dir, name, &other, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(other.st_mode))
		return false;
	if (other.st_dev == st->st_dev && other.st_ino == st->st_ino)
		return true;
	if (other.st_size != st->st_size)
		return false;
	fd = file_openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
	if (fd < 0)
		return false;
	same = same_bytes(m->fd, fd);
	file_close(&fd);
	return same;
}

static int
copy_bytes(int from, int to, off_t size)
{
	char *block = mem_resize(NULL, COPY_BLOCK);
	off_t at = 0;
	ssize_t n;

	while ((n = pread(from, block, COPY_BLOCK, at)) > 0 && file_write_all(to, block, (size_t)n) == 0)
		at += n;
	free(block);
	if (n == 0 && at != size)
		errno = EIO;
	return n == 0 && at == size ? 0 : -1;
}

/* The whole copy under its name in tmp/, durable. */
static int
write_copy(const struct maildir_message *m, const struct stat *st, int tmp, const char *name)
{
	int fd, result;

	if (file_unlinkat(tmp, name, 0) < 0 && errno != ENOENT)
		return -1;
	fd = file_openat(tmp, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0440);
	if (fd < 0)
		return -1;
	result = copy_bytes(m->fd, fd, st->st_size);
	if (result == 0)
		result = file_fsync(fd);
	file_close(&fd);
	return result;
}

/* Remove the old files of an open tmp/; one that cannot be removed stays. */
static int
clean_tmp(int tmp, int64_t now)
{
	int fd = file_open_dir(tmp, "."), result = 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	struct stat st;

	if (dir == NULL) {
		file_close(&fd);
		return -1;
	}
	while ((entry = readdir(dir)) != NULL)
		if (fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
		    st.st_mtime < now - TMP_SECONDS && file_unlinkat(fd, entry->d_name, 0) < 0 &&
		    errno != ENOENT)
			result = -1;
	closedir(dir);
	return result;
}

int
maildir_clean(int root, const char *path, int64_t now)
{
	int tmp = open_folder(root, path, "tmp"), result;

	if (tmp < 0)
		return -1;
	result = clean_tmp(tmp, now);
	file_close(&tmp);
	return result;
}

/* Where no link can be made: written in tmp/, then renamed into new/ over nothing. */
static int
copy_message(const struct maildir_message *m, const struct stat *st, int root, const char *path,
	int dir, const char *name)
{
	int saved, tmp, result;
	struct stat there;

	if (fstatat(dir, name, &there, AT_SYMLINK_NOFOLLOW) == 0) {
		errno = EEXIST;
		return -1;
	}
	tmp = open_folder(root, path, "tmp");
	if (tmp < 0)
		return -1;
	result = clean_tmp(tmp, clock_wall_ms() / 1000);
	if (result == 0)
		result = write_copy(m, st, tmp, name);
	if (result == 0)
		result = file_renameat(tmp, name, dir, name, RENAME_NOREPLACE);
	saved = errno;
	if (result < 0 && file_unlinkat(tmp, name, 0) < 0 && errno != ENOENT)
		saved = errno;		/* the next try removes it */
	file_close(&tmp);
	errno = saved;
	return result;
}

/* Under one name; -1 with EEXIST when another file has it. */
static int
place_as(const struct maildir_message *m, const struct stat *st, int root, const char *path, int dir,
	const char *name, enum maildir_how *how)
{
	*how = MAILDIR_LINKED;
	if (file_linkat(m->dirfd, m->name, dir, name) == 0)
		return 0;
	if (errno == EMLINK || errno == EXDEV || errno == EPERM) {
		*how = MAILDIR_COPIED;
		if (copy_message(m, st, root, path, dir, name) == 0)
			return 0;
	}
	if (errno != EEXIST)
		return -1;
	*how = MAILDIR_WAS_THERE;
	if (is_this_message(m, st, dir, name))
		return 0;
	errno = EEXIST;
	return -1;
}

static void
make_name(const struct maildir_message *m, const struct stat *st, uint32_t number, unsigned try,
	char out[NAME_SIZE])
{
	char again[16] = "";

	if (try > 0)
		snprintf(again, sizeof(again), "T%u", try);
	snprintf(out, NAME_SIZE, "%lld.Q%lluR%u%s.pillarbox,S=%lld", (long long)st->st_mtime,
		(unsigned long long)m->id, number, again, (long long)st->st_size);
}

static int
place(const struct maildir_message *m, const struct stat *st, int root, const char *path, int dir,
	uint32_t number, enum maildir_how *how)
{
	char name[NAME_SIZE];

	for (unsigned try = 0; try < NAME_TRIES; try++) {
		make_name(m, st, number, try, name);
		if (place_as(m, st, root, path, dir, name, how) == 0)
			return 0;
		if (errno != EEXIST)
			return -1;
	}
	return -1;
}

/* Note which folder must be synced for a message that was put into dir; dir is taken over. */
static void
keep(struct maildir_batch *b, const struct maildir_message *m, const struct stat *st, int dir, enum maildir_how how)
{
	if (how != MAILDIR_LINKED || !one_sync_is_enough(b, st, m->fd)) {
		keep_folder(b, dir);
	} else if (m->is_late) {
		file_close(&dir);
	} else {
		file_close(&b->last);
		b->last = dir;
	}
}

int
maildir_batch_add(struct maildir_batch *b, const struct maildir_message *m, int root,
	const char *path, uint32_t number, enum maildir_how *how_out)
{
	struct stat st;
	int dir;

	if (fstat(m->fd, &st) < 0 || (m->is_late && prepare_message(b, &st, m->fd) < 0))
		return -1;
	dir = open_folder(root, path, "new");
	if (dir < 0)
		return -1;
	if (place(m, &st, root, path, dir, number, how_out) < 0) {
		file_close(&dir);
		return -1;
	}
	keep(b, m, &st, dir, *how_out);
	return 0;
}

int
maildir_batch_sync(struct maildir_batch *b)
{
	int error;

	if (b->last >= 0)
		keep_folder(b, b->last);
	b->last = -1;
	sync_held(b);
	error = b->error;
	b->error = 0;
	errno = error;
	return error == 0 ? 0 : -1;
}

struct verdict
maildir_deliver_verdict(int error)
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
