/*
 * rig: wraps the kernel's calls.  Every wrapper asks rig_enter first, which
 * counts, stops or tells an errno to fail with, and ends with rig_leave.
 */
#include "base/base.h"
#include "rig.h"
#include <errno.h>
#include <signal.h>

struct rig rig;

const char *const mutant_names[MUTANT_COUNT] = {
	"none", "no fsync of the body", "bytes not written out before the links",
	"body neither written out nor synced", "no fsync of the envelope", "no fsync of the folder before the envelope",
	"no fsync of the folder at accept",
	"no fsync of the mailbox", "no fsync of a copy", "no fdatasync of an outcome",
	"no fsync between .hdr and .eml at finish", ".eml removed before .hdr",
	".em_ removed before .hdr", "no fsync between .hdr and .em_ at abort",
	"no fsync of the id mark", "no fsync of the mark's directory", "torn tail not cut",
	"done: before the mailbox is durable", "250 before the mailbox is durable"
};

static void
stop_now(void)
{
	if (rig.stop_action != NULL)
		rig.stop_action();
	kill(getpid(), SIGKILL);
	for (;;)
		pause();
}

/* 0, or the errno that this call is to fail with. */
static int
rig_enter(bool needs_space)
{
	long n = ++*rig.count;

	if (n == rig.stop_at && rig.stop == RIG_STOP_BEFORE)
		stop_now();
	if (n == rig.fail_at || (rig.fail_on && rig.fail_at > 0 && n > rig.fail_at && needs_space))
		return rig.fail_error;
	return 0;
}

static void
rig_leave(void)
{
	if (*rig.count == rig.stop_at && rig.stop == RIG_STOP_AFTER)
		stop_now();
}

#define ENTER(needs_space) \
	do { \
		int injected = rig_enter(needs_space); \
		if (injected != 0) { \
			errno = injected; \
			return -1; \
		} \
	} while (0)
#define RECORD(...) \
	do { \
		if (result >= 0 && rig.recorder != NULL) \
			rig.recorder->__VA_ARGS__; \
	} while (0)

static int
rig_openat(int dirfd, const char *path, int flags, mode_t mode)
{
	int result;

	if (flags & O_CREAT)
		ENTER(true);
	result = file_calls_kernel.openat(dirfd, path, flags, mode);
	RECORD(opened(result, dirfd, path, flags));
	if (flags & O_CREAT)
		rig_leave();
	return result;
}

/* A failing write may have taken a part: the first half goes, the rest fails next. */
static ssize_t
rig_write(int fd, const void *data, size_t n)
{
	off_t at = lseek(fd, 0, SEEK_CUR);
	ssize_t result;
	int injected = rig_enter(true);

	if (injected != 0 && (n < 2 || injected == EIO)) {
		errno = injected;
		return -1;
	}
	if (injected != 0) {
		n /= 2;
		rig.fail_at = *rig.count + 1;
	}
	result = file_calls_kernel.write(fd, data, n);
	RECORD(wrote(fd, data, (size_t)result, at));
	rig_leave();
	return result;
}

static ssize_t
rig_pwrite(int fd, const void *data, size_t n, off_t at)
{
	ssize_t result;
	int injected = rig_enter(true);

	if (injected != 0 && (n < 2 || injected == EIO)) {
		errno = injected;
		return -1;
	}
	if (injected != 0) {
		n /= 2;
		rig.fail_at = *rig.count + 1;
	}
	result = file_calls_kernel.pwrite(fd, data, n, at);
	RECORD(wrote(fd, data, (size_t)result, at));
	rig_leave();
	return result;
}

enum sync_call { CALL_FSYNC, CALL_FDATASYNC, CALL_FSYNC_DIR, CALL_WRITE_OUT };

/* Which call a mutant leaves out in which phase. */
static const struct {
	enum mutant mutant;
	enum sync_call call;
	int phase;
} left_out[] = {
	{ MUTANT_NO_BODY_SYNC, CALL_FSYNC, PHASE_RECEIVE },
	{ MUTANT_NO_BODY_SYNC, CALL_FSYNC, PHASE_BODY },
	{ MUTANT_NO_WRITE_OUT, CALL_WRITE_OUT, PHASE_DELIVER },
	{ MUTANT_NO_BODY, CALL_WRITE_OUT, PHASE_DELIVER },
	{ MUTANT_NO_BODY, CALL_FSYNC, PHASE_RECEIVE },
	{ MUTANT_NO_BODY, CALL_FSYNC, PHASE_BODY },
	{ MUTANT_NO_HEADER_SYNC, CALL_FSYNC, PHASE_HEADER },
	{ MUTANT_NO_COPY_SYNC, CALL_FSYNC, PHASE_DELIVER },
	{ MUTANT_NO_MARK_SYNC, CALL_FSYNC, PHASE_ID },
	{ MUTANT_NO_OUTCOME_SYNC, CALL_FDATASYNC, PHASE_OUTCOME },
	{ MUTANT_NO_NAME_SYNC, CALL_FSYNC_DIR, PHASE_HEADER },
	{ MUTANT_NO_ACCEPT_DIR_SYNC, CALL_FSYNC_DIR, PHASE_ACCEPT },
	{ MUTANT_NO_MAILBOX_SYNC, CALL_FSYNC_DIR, PHASE_DURABLE },
	{ MUTANT_NO_MAILBOX_SYNC, CALL_FSYNC, PHASE_DURABLE },
	{ MUTANT_NO_FINISH_SYNC, CALL_FSYNC_DIR, PHASE_FINISH },
	{ MUTANT_NO_ABORT_SYNC, CALL_FSYNC_DIR, PHASE_ABORT },
	{ MUTANT_NO_MARK_DIR_SYNC, CALL_FSYNC_DIR, PHASE_ID }
};

static bool
is_left_out(enum sync_call call)
{
	for (size_t i = 0; i < PB_COUNT(left_out); i++)
		if (rig.mutant == left_out[i].mutant && call == left_out[i].call &&
		    rig.phase == left_out[i].phase)
			return true;
	return false;
}

static int
rig_fsync(int fd)
{
	int result;

	if (is_left_out(CALL_FSYNC))
		return 0;
	ENTER(false);
	result = file_calls_kernel.fsync(fd);
	RECORD(synced(fd, false));
	rig_leave();
	return result;
}

static int
rig_fdatasync(int fd)
{
	int result;

	if (is_left_out(CALL_FDATASYNC))
		return 0;
	ENTER(false);
	result = file_calls_kernel.fdatasync(fd);
	RECORD(synced(fd, true));
	rig_leave();
	return result;
}

/* It promises nothing, so that nothing is written is what must be survived. */
static void
rig_start_write(int fd)
{
	(void)fd;
}

static int
rig_write_out(int fd)
{
	int result;

	if (is_left_out(CALL_WRITE_OUT))
		return 0;
	ENTER(false);
	result = file_calls_kernel.write_out(fd);
	RECORD(written_out(fd));
	rig_leave();
	return result;
}

static int
rig_fsync_dir(int fd)
{
	int result;

	if (is_left_out(CALL_FSYNC_DIR))
		return 0;
	ENTER(false);
	result = file_calls_kernel.fsync_dir(fd);
	RECORD(dir_synced(fd));
	rig_leave();
	return result;
}

static int
rig_linkat(int olddir, const char *old, int newdir, const char *name)
{
	int result;

	if (rig.exdev) {
		errno = EXDEV;
		return -1;
	}
	ENTER(true);
	result = file_calls_kernel.linkat(olddir, old, newdir, name);
	RECORD(linked(newdir, name, olddir, old));
	rig_leave();
	return result;
}

static int
rig_renameat(int olddir, const char *old, int newdir, const char *name, unsigned flags)
{
	int result;

	ENTER(true);
	result = file_calls_kernel.renameat(olddir, old, newdir, name, flags);
	RECORD(renamed(olddir, old, newdir, name));
	rig_leave();
	return result;
}

/* The mutants that remove in the wrong order exchange the two names. */
static const char *
exchanged(const char *name, char *out, size_t size)
{
	size_t n = strlen(name);
	const char *body = rig.mutant == MUTANT_FINISH_BACKWARDS && rig.phase == PHASE_FINISH ? ".eml" :
		rig.mutant == MUTANT_ABORT_BACKWARDS && rig.phase == PHASE_ABORT ? ".em_" : NULL;

	if (body == NULL || n < 4)
		return name;
	snprintf(out, size, "%.*s%s", (int)n - 4, name,
		strcmp(name + n - 4, ".hdr") == 0 ? body : ".hdr");
	return out;
}

static int
rig_unlinkat(int dirfd, const char *name, int flags)
{
	char other[256];
	int result;

	name = exchanged(name, other, sizeof(other));
	ENTER(false);
	result = file_calls_kernel.unlinkat(dirfd, name, flags);
	RECORD(unlinked(dirfd, name));
	rig_leave();
	return result;
}

static int
rig_mkdirat(int dirfd, const char *name, mode_t mode)
{
	int result;

	ENTER(true);
	result = file_calls_kernel.mkdirat(dirfd, name, mode);
	rig_leave();
	return result;
}

static int
rig_ftruncate(int fd, off_t size)
{
	int result;

	if (rig.mutant == MUTANT_NO_CUT && rig.phase == PHASE_OUTCOME)
		return 0;
	ENTER(false);
	result = file_calls_kernel.ftruncate(fd, size);
	RECORD(cut(fd, size));
	rig_leave();
	return result;
}

static int
rig_openat2(int dirfd, const char *path, int flags, mode_t mode, uint64_t resolve)
{
	return file_calls_kernel.openat2(dirfd, path, flags, mode, resolve);
}

static int
rig_close(int fd)
{
	return file_calls_kernel.close(fd);
}

static const struct file_calls rig_calls = {
	.openat = rig_openat, .openat2 = rig_openat2, .write = rig_write, .pwrite = rig_pwrite,
	.fsync = rig_fsync, .fdatasync = rig_fdatasync, .write_out = rig_write_out,
	.start_write = rig_start_write, .fsync_dir = rig_fsync_dir,
	.linkat = rig_linkat, .renameat = rig_renameat, .unlinkat = rig_unlinkat,
	.mkdirat = rig_mkdirat, .ftruncate = rig_ftruncate,
	.close = rig_close
};

void
rig_install(void)
{
	file_calls = &rig_calls;
}

void
rig_remove(void)
{
	file_calls = &file_calls_kernel;
}
