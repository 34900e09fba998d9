/*
 * config_file: finding, trusting, changing and keeping a settings file.
 *
 * Order of a save: (1) validate the whole new document; (2) copy the version
 * on disk into etc/history; (3) write, fsync and rename the new one, fsync the
 * folder; (4) note who and why.  A crash after (2) leaves a copy too many; a
 * crash before (4) leaves a change whose old version is dated but not
 * explained.  Neither loses settings.
 */
#include "base/base.h"
#include "config/config_file.h"
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include "base/limits.h"
#include "config/manifest.h"
#include "sys/file.h"
#include "sys/lock.h"

PB_PRINTF(3, 4)
static bool
fail(struct buf *errors, const char *shown, const char *fmt, ...)
{
	va_list ap;

	buf_printf(errors, "%s: ", shown);
	va_start(ap, fmt);
	buf_vprintf(errors, fmt, ap);
	va_end(ap);
	buf_char(errors, '\n');
	return false;
}

bool
config_rights(int fd, const char *shown, uid_t owner, struct buf *errors)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return fail(errors, shown, "%s", strerror(errno));
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return fail(errors, shown, "is neither a file nor a folder");
	if (st.st_uid != 0 && st.st_uid != geteuid() && st.st_uid != owner)
		return fail(errors, shown, "belongs to uid %u, not to root or the owner of the instance",
			(unsigned int)st.st_uid);
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return fail(errors, shown, "can be written by others (mode %04o)",
			(unsigned int)(st.st_mode & 07777));
	return true;
}

/* Find the file's spelling in the folder; false when there are two. */
static bool
find_name(struct config_file *f, const char *folder, struct buf *errors)
{
	const char *want = setting_file_name(f->scope);
	int fd = openat(f->dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;
	bool ok = true;

	if (dir == NULL)
		return fail(errors, folder, "%s", strerror(errno));
	f->exists = false;
	snprintf(f->name, sizeof(f->name), "%s", want);
	while (ok && (e = readdir(dir)) != NULL) {
		if (!span_eq_nocase(span_of(e->d_name), span_of(want)))
			continue;
		if (f->exists)
			ok = fail(errors, folder, "has two spellings of %s: %s and %s", want, f->name, e->d_name);
		f->exists = true;
		snprintf(f->name, sizeof(f->name), "%.63s", e->d_name);
	}
	closedir(dir);
	return ok;
}

static bool
load(struct config_file *f, struct buf *errors)
{
	struct xml_error err;
	struct stat st;
	int fd;

	if (!f->exists) {
		f->xml = xml_new(setting_root_name(f->scope));
		return true;
	}
	fd = openat(f->dirfd, f->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	if (fd < 0)
		return fail(errors, f->path, "%s", strerror(errno));
	if (fstat(f->dirfd, &st) == 0 && config_rights(fd, f->path, st.st_uid, errors)) {
		f->xml = xml_read(fd, &err);
		if (f->xml == NULL)
			buf_printf(errors, "%s:%d: %s\n", f->path, err.line, err.text);
	}
	file_close(&fd);
	if (f->xml != NULL && !config_validate(f->xml, f->scope, f->path, errors, NULL))
		xml_free(&f->xml);
	return f->xml != NULL;
}

bool
config_open(struct config_file *f, int dirfd, const char *folder,
	enum setting_scope scope, struct buf *errors)
{
	struct stat st;

	memset(f, 0, sizeof(*f));
	f->scope = scope;
	f->dirfd = dirfd;
	f->lock_fd = -1;
	if (fstat(dirfd, &st) != 0 || !config_rights(dirfd, folder, st.st_uid, errors))
		return false;
	if (!find_name(f, folder, errors))
		return false;
	snprintf(f->path, sizeof(f->path), "%s/%s", folder, f->name);
	return load(f, errors);
}

bool
config_edit(struct config_file *f, int lock_dirfd, int dirfd, const char *folder,
	enum setting_scope scope, struct buf *errors)
{
	int lock = lock_file(lock_dirfd, ".lock", true);

	if (lock < 0)
		return fail(errors, folder, "cannot be locked: %s", strerror(errno));
	if (!config_open(f, dirfd, folder, scope, errors)) {
		file_close(&lock);
		return false;
	}
	f->lock_fd = lock;
	return true;
}

void
config_close(struct config_file *f)
{
	xml_free(&f->xml);
	file_close(&f->lock_fd);
}

/* -- history ---------------------------------------------------------------- */

static void
history_name(const struct config_file *f, const struct timespec *now, char *out, size_t size)
{
	char time[32], flat[CONFIG_PATH_MAX];
	struct tm tm;

	gmtime_r(&now->tv_sec, &tm);
	strftime(time, sizeof(time), "%Y%m%dT%H%M%S", &tm);
	snprintf(flat, sizeof(flat), "%s", f->path);
	for (char *p = flat; *p != '\0'; p++)
		if (*p == '/')
			*p = ',';
	snprintf(out, size, "%s.%06ld-%.200s", time, now->tv_nsec / 1000, flat);
}

static int
write_whole(int dirfd, const char *name, struct span text, const char *manifest_path)
{
	int fd = file_openat(dirfd, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
	int rc = -1, saved;

	if (fd < 0)
		return -1;
	if (file_write_all(fd, text.p, text.n) == 0 && manifest_apply(fd, manifest_path) == 0 &&
	    file_fsync(fd) == 0)
		rc = 0;
	saved = errno;
	file_close(&fd);
	errno = saved;
	return rc;
}

/* Keep the version on disk; nothing to keep is fine. */
static int
history_keep(const struct config_file *f, int history_fd, const char *name)
{
	struct buf text;
	int fd, rc = -1, saved;

	if (!f->exists)
		return 0;
	fd = openat(f->dirfd, f->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -1;
	buf_init(&text, LIMIT_XML);
	if (file_read_all(fd, &text) == 0)
		rc = write_whole(history_fd, name, buf_view(&text), "etc/history/version");
	saved = errno;
	buf_free(&text);
	file_close(&fd);
	errno = saved;
	return rc;
}

static int
history_note(const struct config_file *f, const struct config_author *by, const char *name)
{
	int fd = file_openat(by->history_fd, "changes.log", O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0600);
	struct buf line;
	int rc;

	if (fd < 0)
		return -1;
	buf_init(&line, 4096);
	buf_printf(&line, "%.22s who=", name);
	buf_escaped(&line, span_of(by->who));
	buf_printf(&line, " file=%s version=%s why=", f->path, f->exists ? name : "-");
	buf_escaped(&line, span_first(span_of(by->why), 1000));
	buf_char(&line, '\n');
	rc = file_write_all(fd, line.p, line.n);
	buf_free(&line);
	file_close(&fd);
	return rc;
}

static int
replace(const struct config_file *f, struct span text)
{
	size_t folder = strlen(f->path) - strlen(f->name);
	char tmp[80], described[CONFIG_PATH_MAX + 32];	/* the manifest knows one spelling */
	int saved;

	snprintf(tmp, sizeof(tmp), ".%s.tmp", f->name);
	snprintf(described, sizeof(described), "%.*s%s", (int)folder, f->path, setting_file_name(f->scope));
	if (write_whole(f->dirfd, tmp, text, described) == 0 &&
	    file_renameat(f->dirfd, tmp, f->dirfd, f->name, 0) == 0)
		return file_fsync_dir(f->dirfd);
	saved = errno;		/* a temporary file that stays behind is overwritten next time */
	(void)!file_unlinkat(f->dirfd, tmp, 0);
	errno = saved;
	return -1;
}

bool
config_save(struct config_file *f, const struct config_author *by, struct buf *errors)
{
	struct timespec now;
	struct buf text;
	char name[256];
	bool ok;

	if (!config_validate(f->xml, f->scope, f->path, errors, NULL))
		return false;
	clock_gettime(CLOCK_REALTIME, &now);
	history_name(f, &now, name, sizeof(name));
	buf_init(&text, LIMIT_XML);
	ok = xml_write(f->xml, &text) || fail(errors, f->path, "would be larger than %d bytes", LIMIT_XML);
	if (ok && (history_keep(f, by->history_fd, name) != 0 || replace(f, buf_view(&text)) != 0 ||
	    history_note(f, by, name) != 0))
		ok = fail(errors, f->path, "cannot be written: %s", strerror(errno));
	buf_free(&text);
	f->exists = f->exists || ok;
	return ok;
}
