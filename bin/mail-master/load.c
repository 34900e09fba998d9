/*
 * load: settings, without ever looking at XML.
 *
 * A child is forked that has the settings file as an open descriptor, the
 * rights of nobody, and a filter that lets it read and write only what is
 * open.  It answers by a pipe with one text per program; mail-master checks
 * names and sizes and stores the texts as run/settings/PROGRAM, each readable
 * by that program's user alone.
 *
 * Trust: the file is opened here only if nobody but its owner may write it;
 * what the child says is hostile, for the XML may have taken it over.
 */
#include "base/base.h"
#include "master.h"
#include "base/die.h"
#include "base/mem.h"
#include "config/compile.h"
#include "config/manifest.h"
#include "sys/file.h"
#include "sys/sandbox.h"
#include "sys/user.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define XML_NAME "etc/mailconfig.xml"
/* A file that takes longer to read is refused. */
#define CHILD_SECONDS 10
#define CHILD_MEMORY (256 << 20)

/* What the child reads: the settings, and the lists of who is never greylisted. */
struct sources {
	int xml;
	int bypass[BYPASS_FILES];
};

/* -2: refused, with a message; -1: there is none, defaults hold. */
static int
open_xml(struct master *m, const char *name, struct buf *errors)
{
	char path[INSTANCE_PATH_MAX];
	int fd = instance_openat(&m->svc.instance, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
	struct stat st;

	(void)instance_path(&m->svc.instance, path, name);
	if (fd < 0 && errno == ENOENT)
		return -1;
	if (fd < 0 || fstat(fd, &st) != 0) {
		buf_printf(errors, "cannot open %s: %s\n", path, strerror(errno));
	} else if (!S_ISREG(st.st_mode) || (st.st_uid != 0 && st.st_uid != geteuid())) {
		buf_printf(errors, "%s is not a file of this server's owner\n", path);
	} else if (st.st_mode & 022) {
		buf_printf(errors, "%s can be written by others than its owner\n", path);
	} else {
		return fd;
	}
	if (fd >= 0)
		close(fd);
	return -2;
}

static void
close_sources(const struct sources *s)
{
	if (s->xml >= 0)
		close(s->xml);
	for (size_t i = 0; i < BYPASS_FILES; i++)
		if (s->bypass[i] >= 0)
			close(s->bypass[i]);
}

/* All or none. */
static bool
open_sources(struct master *m, struct sources *s, struct buf *errors)
{
	bool ok;

	s->xml = open_xml(m, XML_NAME, errors);
	ok = s->xml != -2;
	for (size_t i = 0; i < BYPASS_FILES; i++) {
		s->bypass[i] = open_xml(m, bypass_files[i], errors);
		ok &= s->bypass[i] != -2;
	}
	if (!ok)
		close_sources(s);
	return ok;
}

static void
drop_child_rights(void)
{
	static const struct sandbox_limits limits = { .memory = CHILD_MEMORY, .cpu_s = CHILD_SECONDS };
	struct sandbox_paths none;
	uid_t uid;
	gid_t gid;

	if (geteuid() == 0) {
		if (user_find("nobody", &uid, &gid) != 0)
			die(EXIT_NO_OBJECT, "there is no user nobody");
		user_drop(uid, gid);
	}
	sandbox_prepare(&limits);
	sandbox_paths_begin(&none, false);
	(void)sandbox_paths_apply(&none);	/* uid and seccomp hold it without Landlock */
	sandbox_seccomp(SANDBOX_SETTINGS);
}

/* From 32 on nothing is open: move fd there; -1 stays. */
static int
move_up(int fd)
{
	int moved = fd < 0 ? -1 : fcntl(fd, F_DUPFD, 32);

	if (fd >= 0 && moved < 0)
		_exit(EXIT_TRY_LATER);
	return moved;
}

/* And down again to `at`. */
static int
move_down(int fd, int at)
{
	if (fd < 0)
		close(at);
	else if (dup2(fd, at) < 0)
		_exit(EXIT_TRY_LATER);
	return fd < 0 ? -1 : at;
}

/* Keeps out and the sources only, as 3 and what follows. */
static void
keep_only(struct sources *s, int *out)
{
	*out = move_up(*out);
	s->xml = move_up(s->xml);
	for (int i = 0; i < BYPASS_FILES; i++)
		s->bypass[i] = move_up(s->bypass[i]);
	*out = move_down(*out, 3);
	s->xml = move_down(s->xml, 4);
	for (int i = 0; i < BYPASS_FILES; i++)
		s->bypass[i] = move_down(s->bypass[i], 5 + i);
	(void)close_range(5 + BYPASS_FILES, ~0U, 0);
}

PB_NORETURN static void
child(struct sources *s, int out)
{
	sigset_t none;

	keep_only(s, &out);
	die_set_sink(NULL);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)signal(SIGALRM, SIG_DFL);
	alarm(CHILD_SECONDS);
	drop_child_rights();
	_exit(compile_child_with(s->xml, XML_NAME, s->bypass, out));
}

static void
take(void *ctx, const char *program, struct span text)
{
	struct loaded *l = ctx;
	struct program_settings *p = &l->programs[l->count];

	if (l->count == MASTER_PROGRAMS_MAX)
		bug("settings for more than %d programs", MASTER_PROGRAMS_MAX);
	(void)snprintf(p->name, sizeof(p->name), "%s", program);
	p->text = mem_copy(text);
	p->n = text.n;
	l->count++;
}

void
load_free(struct loaded *l)
{
	for (size_t i = 0; i < l->count; i++)
		free(l->programs[i].text);
	if (l->own != NULL)
		settings_free(&l->own);
	*l = (struct loaded){ .count = 0 };
}

static const struct program_settings *
find(const struct loaded *l, const char *program)
{
	for (size_t i = 0; i < l->count; i++)
		if (strcmp(l->programs[i].name, program) == 0)
			return &l->programs[i];
	return NULL;
}

/* What the child wrote; its pid is waited for, which SIGCHLD's handler must not do. */
static int
collect(int pipe_fd, pid_t pid, struct loaded *out, struct buf *errors)
{
	const struct program_settings *own;
	int status = 0, bad = compile_take(pipe_fd, take, out, errors);

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (bad == 0 && !(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_DONE)) {
		buf_printf(errors, "reading the settings ended by %s %d\n",
			WIFSIGNALED(status) ? "signal" : "exit code",
			WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
		bad = -1;
	}
	own = find(out, "mail-master");
	if (bad == 0 && own != NULL)
		out->own = settings_parse(span_make(own->text, own->n));
	if (bad == 0 && out->own == NULL) {
		buf_text_put(errors, "the settings of mail-master are not well formed\n");
		bad = -1;
	}
	if (bad != 0)
		load_free(out);
	return bad == 0 ? 0 : -1;
}

int
load_settings(struct master *m, struct loaded *out, struct buf *errors)
{
	struct sources from;
	int ends[2], result = -1;
	pid_t pid = -1;

	*out = (struct loaded){ .count = 0 };
	load_note_bypass(m);
	if (!open_sources(m, &from, errors))
		return -1;
	if (pipe2(ends, O_CLOEXEC) == 0) {
		pid = fork();
		if (pid == 0)
			child(&from, ends[1]);
		close(ends[1]);
		if (pid > 0)
			result = collect(ends[0], pid, out, errors);
		close(ends[0]);
	}
	if (pid < 0)
		buf_printf(errors, "cannot start the reader of settings: %s\n", strerror(errno));
	close_sources(&from);
	return result;
}

static struct file_stamp
stamp_of(struct master *m, const char *name)
{
	int fd = instance_openat(&m->svc.instance, name, O_PATH | O_NOFOLLOW, 0);
	struct file_stamp s = { .inode = 0 };
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0)
		s = (struct file_stamp){ (uint64_t)st.st_ino, (uint64_t)st.st_size,
			st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec };
	if (fd >= 0)
		close(fd);
	return s;
}

void
load_note_bypass(struct master *m)
{
	for (size_t i = 0; i < BYPASS_FILES; i++)
		m->bypass[i] = stamp_of(m, bypass_files[i]);
}

bool
load_bypass_changed(struct master *m)
{
	bool changed = false;

	for (size_t i = 0; i < BYPASS_FILES; i++) {
		struct file_stamp s = stamp_of(m, bypass_files[i]);

		changed |= s.inode != m->bypass[i].inode || s.size != m->bypass[i].size
			|| s.mtime_ns != m->bypass[i].mtime_ns;
	}
	return changed;
}

bool
load_differs(const struct loaded *a, const struct loaded *b, const char *program)
{
	const struct program_settings *x = find(a, program), *y = find(b, program);

	if (x == NULL || y == NULL)
		return x != y;
	return x->n != y->n || memcmp(x->text, y->text, x->n) != 0;
}

/* Whole or not at all: written under another name, then renamed. */
static int
write_one(int dirfd, const struct program_settings *p)
{
	char path[64], tmp[48];
	const struct manifest_entry *e;
	uid_t uid;
	gid_t gid;
	int fd, good;

	(void)snprintf(path, sizeof(path), "run/settings/%s", p->name);
	(void)snprintf(tmp, sizeof(tmp), ".%s.tmp", p->name);
	e = manifest_find(path);
	if (e == NULL || manifest_owner(e, &uid, &gid) != 0)
		return -1;
	(void)unlinkat(dirfd, tmp, 0);
	fd = file_openat(dirfd, tmp, O_WRONLY | O_CREAT | O_EXCL, 0600);
	if (fd < 0)
		return -1;
	good = file_write_all(fd, p->text, p->n) == 0 && fchown(fd, uid, gid) == 0
		&& fchmod(fd, e->mode) == 0;
	file_close(&fd);
	return good && file_renameat(dirfd, tmp, dirfd, p->name, 0) == 0 ? 0 : -1;
}

int
load_write(struct master *m, const struct loaded *l, const struct loaded *old)
{
	int dirfd = instance_openat(&m->svc.instance, "run/settings", O_RDONLY | O_DIRECTORY, 0);
	int result = dirfd < 0 ? -1 : 0;

	for (size_t i = 0; i < l->count && result == 0; i++)
		if (old == NULL || load_differs(l, old, l->programs[i].name))
			result = write_one(dirfd, &l->programs[i]);
	if (dirfd >= 0)
		file_close(&dirfd);
	return result;
}
