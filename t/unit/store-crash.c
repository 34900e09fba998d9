/*
 * Case I13: kill -9 at every change of a file, during sync, STORE, COPY, MOVE,
 * EXPUNGE, APPEND and writing the index.  A child runs the act and stops at the
 * N-th change; then this process looks at what is there.
 */
#include "base/base.h"
#include "base/buf.h"
#include "base/die.h"
#include "store/folder.h"
#include "store/mailbox.h"
#include "store/maildir.h"
#include "sys/file.h"
#include "tap.h"
#include "tmpdir.h"

#include <dirent.h>
#include <sys/wait.h>

#define MESSAGES 6

static int root;
static long left;

static void
count_down(void)
{
	if (left-- == 0)
		_exit(99);
}

/* Each call counts before it is made. */
#define COUNTED(type, name, params, args) \
	static type counted_##name params { count_down(); return file_calls_kernel.name args; }
COUNTED(ssize_t, write, (int fd, const void *p, size_t n), (fd, p, n))
COUNTED(int, fsync, (int fd), (fd))
COUNTED(int, fdatasync, (int fd), (fd))
COUNTED(int, fsync_dir, (int fd), (fd))
COUNTED(int, linkat, (int a, const char *b, int c, const char *d), (a, b, c, d))
COUNTED(int, renameat, (int a, const char *b, int c, const char *d, unsigned f), (a, b, c, d, f))
COUNTED(int, unlinkat, (int a, const char *b, int f), (a, b, f))
COUNTED(int, openat2, (int a, const char *b, int f, mode_t m, uint64_t r), (a, b, f, m, r))

static void
use_counted(void)
{
	static struct file_calls calls;

	calls = file_calls_kernel;
	calls.write = counted_write;
	calls.fsync = counted_fsync;
	calls.fdatasync = counted_fdatasync;
	calls.fsync_dir = counted_fsync_dir;
	calls.linkat = counted_linkat;
	calls.renameat = counted_renameat;
	calls.unlinkat = counted_unlinkat;
	calls.openat2 = counted_openat2;
	file_calls = &calls;
}

static void
put_message(int i)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "new/%d.m", 1000 + i);
	fd = file_openat(root, path, O_WRONLY | O_CREAT | O_EXCL, 0440);
	if (fd < 0 || file_write_all(fd, "x\r\n", 3) < 0)
		bug("cannot write %s: %m", path);
	file_close(&fd);
}

static void
empty(const char *path)
{
	int fd = openat(root, path, O_RDONLY | O_DIRECTORY);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL)
		unlinkat(dirfd(d), e->d_name, 0);
	if (d != NULL)
		closedir(d);
}

static struct mailbox *
open_box(const char *path)
{
	struct mailbox *m = mailbox_open(root, path, MAILBOX_SELECT);

	if (m == NULL)
		bug("mailbox_open %s: %m", path);
	return m;
}

/* Six messages with UIDs 1 to 6 in INBOX, an empty folder A, and one more file in new/. */
static uint32_t
prepare(void)
{
	static const char *const dirs[] = { ".A/cur", ".A/new", ".A/tmp", ".A", "cur", "new", "tmp", "." };
	struct mailbox *m;
	uint32_t validity;

	for (size_t i = 0; i < PB_COUNT(dirs); i++)
		empty(dirs[i]);
	for (int i = 0; i < MESSAGES; i++)
		put_message(i);
	m = open_box(".");
	validity = mailbox_uidvalidity(m);
	mailbox_close(&m);
	m = open_box(".A");
	mailbox_close(&m);
	put_message(MESSAGES);
	return validity;
}

static const uint32_t which[] = { 1, 3 };

static void
act_sync(void)
{
	struct mailbox *m = open_box(".");

	mailbox_close(&m);
}

static void
act_store(void)
{
	struct mailbox *m = open_box(".");
	uint64_t bit;

	if (mailbox_keyword_bit(m, SPAN("key"), true, &bit) < 0 ||
	    mailbox_store(m, which, 2, MAILBOX_ADD, MAILDIR_SEEN, bit) < 0)
		bug("store: %m");
	mailbox_close(&m);
}

static void
act_move(void)
{
	struct mailbox *m = open_box(".");
	struct mailbox_added added;

	if (mailbox_copy(m, which, 2, root, ".A", &added) < 0 || mailbox_expunge(m, which, 2) < 0)
		bug("move: %m");
	mailbox_close(&m);
}

static void
act_append(void)
{
	struct mailbox_append *a = mailbox_append_begin(root, ".A");
	struct mailbox_added added;

	if (a == NULL || mailbox_append_write(a, "y\r\n", 3) < 0 ||
	    mailbox_append_commit(&a, MAILDIR_SEEN, NULL, 0, 0, &added) < 0)
		bug("append: %m");
}

static void
act_checkpoint(void)
{
	struct mailbox *m = open_box(".");

	mailbox_cache_put(m, 0, SPAN("blob"));
	if (mailbox_checkpoint(m) < 0)
		bug("checkpoint: %m");
	mailbox_close(&m);
}

/* Which of the seven names lie in the view, as bits; 0x8000 when a UID is wrong. */
static unsigned
names_in(const struct mailbox *m, bool check_uids)
{
	unsigned bits = 0;
	uint32_t last = 0;

	for (size_t i = 0; i < mailbox_count(m); i++) {
		struct span name = mailbox_base_name(m, i);
		uint32_t uid = mailbox_at(m, i)->uid;
		unsigned n = (unsigned)(name.p[3] - '0');
		int fd = mailbox_open_message(m == NULL ? NULL : (struct mailbox *)(uintptr_t)m, i);

		if (fd < 0 || uid <= last || (check_uids && n < MESSAGES && uid != n + 1))
			bits |= 0x8000;
		file_close(&fd);
		bits |= 1u << n;
		last = uid;
	}
	return bits;
}

struct act {
	const char *name;
	void (*run)(void);
	bool moves;		/* messages 1 and 3 may be in A instead */
};

/* Everything is somewhere, under its UID; nothing that was not there appears. */
static bool
is_sound(const struct act *act, uint32_t validity)
{
	struct mailbox *m = open_box("."), *a = open_box(".A");
	unsigned here = names_in(m, true);
	size_t there = mailbox_count(a);
	bool good = mailbox_uidvalidity(m) == validity && !(here & 0x8000);

	if (act->moves)
		good &= (here | 1u << 1 | 1u << 3) == 0x7f && there <= 2 &&
			(here == 0x7f || there == 2);
	else
		good &= here == 0x7f;
	mailbox_close(&m);
	mailbox_close(&a);
	return good;
}

static void
try_act(const struct act *act)
{
	long n;
	int status = 0, wrong = 0;

	for (n = 0; n < 500; n++) {
		uint32_t validity = prepare();
		pid_t pid = fork();

		if (pid == 0) {
			left = n;
			use_counted();
			act->run();
			_exit(0);
		}
		if (pid < 0 || waitpid(pid, &status, 0) < 0)
			bug("fork: %m");
		if (!is_sound(act, validity)) {
			printf("# %s stopped at change %ld\n", act->name, n);
			wrong++;
		}
		if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
			break;
	}
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 0 && n > 3, "%s ends, after %ld changes", act->name, n);
	is_num(wrong, 0, act->name);
}

int
main(void)
{
	static const struct act acts[] = {
		{ "sync", act_sync, false }, { "store", act_store, false }, { "copy and expunge", act_move, true },
		{ "append", act_append, false }, { "index and cache", act_checkpoint, false }
	};

	root = tmpdir_open("store-crash");
	if (maildir_make(root) < 0 || folder_create(root, SPAN("A")) < 0)
		bug("cannot prepare: %m");
	for (size_t i = 0; i < PB_COUNT(acts); i++)
		try_act(&acts[i]);
	tmpdir_remove();
	return done();
}
