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

/* -2: refused, with a message; -1: there is none, defaults hold. */
static int
open_xml(struct master *m, struct buf *errors)
{
	char path[INSTANCE_PATH_MAX];
	int fd = instance_openat(&m->svc.instance, XML_NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
	struct stat st;

	(void)instance_path(&m->svc.instance, path, XML_NAME);
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

/* Keeps xml and out only, as 3 and 4. */
static void
keep_two(int *xml, int *out)
{
	int a = *xml < 0 ? -1 : fcntl(*xml, F_DUPFD, 16), b = fcntl(*out, F_DUPFD, 16);

	if (b < 0 || dup2(b, 4) < 0 || (a >= 0 && dup2(a, 3) < 0))
		_exit(EXIT_TRY_LATER);
	if (a < 0)
		close(3);
	(void)close_range(5, ~0U, 0);
	*xml = a < 0 ? -1 : 3;
	*out = 4;
}

PB_NORETURN static void
child(int xml, int out)
{
	sigset_t none;

	keep_two(&xml, &out);
	die_set_sink(NULL);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)signal(SIGALRM, SIG_DFL);
	alarm(CHILD_SECONDS);
	drop_child_rights();
	_exit(compile_child(xml, XML_NAME, out));
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
	int xml = open_xml(m, errors), ends[2], result = -1;
	pid_t pid = -1;

	*out = (struct loaded){ .count = 0 };
	if (xml == -2)
		return -1;
	if (pipe2(ends, O_CLOEXEC) == 0) {
		pid = fork();
		if (pid == 0)
			child(xml, ends[1]);
		close(ends[1]);
		if (pid > 0)
			result = collect(ends[0], pid, out, errors);
		close(ends[0]);
	}
	if (pid < 0)
		buf_printf(errors, "cannot start the reader of settings: %s\n", strerror(errno));
	if (xml >= 0)
		close(xml);
	return result;
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
