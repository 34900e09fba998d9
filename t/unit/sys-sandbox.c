/* sandbox: what confined processes can still do, and the two stages of a session. */
#include "base/base.h"
#include "base/mem.h"
#include "sys/sandbox.h"
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static char dir[] = "/tmp/sandbox.XXXXXX";

/* Exit code of a function run in a child, or 128 and the signal. */
static int
in_child(int (*run)(enum sandbox_role), enum sandbox_role role)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(run(role));
	if (waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void
confine(enum sandbox_role role)
{
	sandbox_scope(false);
	sandbox_prepare(&(struct sandbox_limits){ .cpu_s = 20, .files = 64 });
	sandbox_seccomp(role);
}

/* What every role needs: memory, pipes, clocks, a clean end by abort or exit. */
static int
ordinary_life(enum sandbox_role role)
{
	int pair[2];
	char c = 'x';
	char *p;
	struct timespec t;

	confine(role);
	p = mem_new(3 << 20);
	p[2 << 20] = 1;
	p = mem_resize(p, 5 << 20);
	free(p);
	if (pipe(pair) < 0 || write(pair[1], &c, 1) != 1 || read(pair[0], &c, 1) != 1)
		return 1;
	if (clock_gettime(CLOCK_REALTIME, &t) < 0 || getpid() <= 0)
		return 2;
	if (fcntl(pair[0], F_SETFL, O_NONBLOCK) < 0 || close(pair[0]) < 0)
		return 3;
	return signal(SIGPIPE, SIG_IGN) == SIG_ERR ? 4 : 0;
}

static int
dies_by_abort(enum sandbox_role role)
{
	confine(role);
	abort();
}

/* A worker whose parent compiled the filter ahead, as pool_run does. */
static int
warmed_up(enum sandbox_role role, int (*act)(pid_t parent))
{
	pid_t parent = getpid(), pid;
	int status;

	sandbox_scope(false);
	sandbox_warm_up(role);
	pid = fork();
	if (pid == 0) {
		sandbox_prepare(&(struct sandbox_limits){ .cpu_s = 20, .files = 64 });
		sandbox_seccomp(role);
		_exit(act(parent));
	}
	if (waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int
signal_parent(pid_t parent)
{
	return syscall(SYS_tgkill, parent, parent, SIGCONT) == 0 ? 1 : 0;
}

static int
limit_parent(pid_t parent)
{
	struct rlimit r;

	return prlimit((pid_t)parent, RLIMIT_NOFILE, NULL, &r) == 0 ? 1 : 0;
}

static int
abort_self(pid_t parent)
{
	(void)parent;
	abort();
}

static int
worker_signals(enum sandbox_role role)
{
	return warmed_up(role, signal_parent);
}

static int
worker_limits(enum sandbox_role role)
{
	return warmed_up(role, limit_parent);
}

static int
worker_aborts(enum sandbox_role role)
{
	return warmed_up(role, abort_self);
}

/* A session may end what it says; that does nothing to the port it shares with others. */
static int
worker_half_closes(enum sandbox_role role)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int port = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t n = sizeof(a);
	char byte;
	int far;

	if (bind(port, (struct sockaddr *)&a, n) != 0 || listen(port, 1) != 0 || getsockname(port, (struct sockaddr *)&a, &n) != 0 ||
	    connect(client, (struct sockaddr *)&a, n) != 0)
		return 1;
	confine(role);
	if (shutdown(port, SHUT_WR) != 0 || (far = accept4(port, NULL, NULL, 0)) < 0)
		return 2;
	if (shutdown(far, SHUT_WR) != 0)
		return 3;
	return recv(client, &byte, 1, 0) == 0 && send(client, "x", 1, 0) == 1 && recv(far, &byte, 1, 0) == 1 ? 0 : 4;
}

static int
worker_closes_port(enum sandbox_role role)
{
	int port = socket(AF_INET, SOCK_STREAM, 0);

	if (listen(port, 1) != 0)
		return 1;
	confine(role);
	return shutdown(port, SHUT_RDWR);
}

static void *
thread(void *p)
{
	*(int *)p = 1;
	return p;
}

static int
runs_thread(enum sandbox_role role)
{
	pthread_t t;
	int done_by_thread = 0;

	confine(role);
	if (pthread_create(&t, NULL, thread, &done_by_thread) != 0 || pthread_join(t, NULL) != 0)
		return 1;
	return done_by_thread ? 0 : 2;
}

static void
below(int fd, unsigned rights)
{
	struct sandbox_paths p;

	sandbox_paths_begin(&p, false);
	sandbox_paths_allow(&p, fd, rights);
	if (!sandbox_paths_apply(&p))
		_exit(77);
}

/* Work in a Maildir after both stages; an exit code for each thing that must (not) work. */
static int
two_stages(enum sandbox_role role)
{
	unsigned rights = SANDBOX_READ | SANDBOX_WRITE | SANDBOX_REFER | SANDBOX_MKDIR;
	int domains = open(dir, O_PATH | O_DIRECTORY), mine, fd;

	(void)role;
	mine = openat(domains, "mine", O_PATH | O_DIRECTORY);
	sandbox_scope(false);
	sandbox_prepare(&(struct sandbox_limits){ .cpu_s = 20 });
	below(domains, rights);
	sandbox_seccomp(SANDBOX_LOGIN);
	if (openat(AT_FDCWD, "/etc/passwd", O_RDONLY) >= 0 || errno != EACCES)
		return 1;
	below(mine, rights);
	if (fchdir(mine) < 0)
		return 2;
	sandbox_seccomp(SANDBOX_MAILBOX);
	fd = openat(AT_FDCWD, "tmp/a", O_RDWR | O_CREAT | O_EXCL, 0440);
	if (fd < 0 || write(fd, "x", 1) != 1 || fsync(fd) < 0 || ftruncate(fd, 0) < 0)
		return 3;
	if (linkat(AT_FDCWD, "tmp/a", AT_FDCWD, "new/a", 0) < 0)
		return 4;
	if (renameat(AT_FDCWD, "new/a", AT_FDCWD, "cur/a:2,S") < 0)
		return 5;
	if (unlinkat(AT_FDCWD, "tmp/a", 0) < 0 || mkdirat(AT_FDCWD, ".Sent", 0700) < 0)
		return 6;
	if (openat(AT_FDCWD, "../other/secret", O_RDONLY) >= 0 || errno != EACCES)
		return 7;
	if (linkat(AT_FDCWD, "../other/secret", AT_FDCWD, "new/s", 0) == 0)
		return 8;
	if (renameat(AT_FDCWD, "cur/a:2,S", AT_FDCWD, "../other/b") == 0)
		return 9;
	return 0;
}

static void
make_mailboxes(void)
{
	static const char *const names[] = { "mine", "mine/new", "mine/cur", "mine/tmp", "other" };
	int d, fd;

	if (mkdtemp(dir) == NULL || (d = open(dir, O_PATH | O_DIRECTORY)) < 0)
		_exit(99);
	for (size_t i = 0; i < PB_COUNT(names); i++)
		if (mkdirat(d, names[i], 0700) < 0)
			_exit(99);
	fd = openat(d, "other/secret", O_WRONLY | O_CREAT, 0600);
	if (fd < 0)
		_exit(99);
	close(fd);
	close(d);
}

static void
remove_mailboxes(void)
{
	static const char *const names[] = { "mine/cur/a:2,S", "other/secret", "mine/.Sent", "mine/new",
		"mine/cur", "mine/tmp", "mine", "other", "" };
	char path[100];

	for (size_t i = 0; i < PB_COUNT(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		(void)remove(path);
	}
}

static void
parents_cover_children(void)
{
	static const enum sandbox_role pairs[][2] = {
		{ SANDBOX_LISTENER, SANDBOX_LOGIN }, { SANDBOX_LISTENER, SANDBOX_SMTP },
		{ SANDBOX_LOGIN, SANDBOX_MAILBOX }, { SANDBOX_LISTENER, SANDBOX_MAILBOX },
		{ SANDBOX_CONNECTOR, SANDBOX_SMTP }, { SANDBOX_CONNECTOR, SANDBOX_LISTENER },
		{ SANDBOX_SENDER, SANDBOX_SEND }, { SANDBOX_SENDER, SANDBOX_RESOLVER }, { SANDBOX_NURSERY, SANDBOX_HASH },
		{ SANDBOX_SCHEDULE, SANDBOX_INTAKE },
	};

	for (size_t i = 0; i < PB_COUNT(pairs); i++)
		ok(sandbox_role_covers(pairs[i][0], pairs[i][1]), "a %s may become a %s",
			sandbox_role_name(pairs[i][0]), sandbox_role_name(pairs[i][1]));
	ok(!sandbox_role_covers(SANDBOX_MAILBOX, SANDBOX_LOGIN), "a mailbox never goes back to log-in");
	ok(!sandbox_role_covers(SANDBOX_SEND, SANDBOX_SMTP), "an agent never becomes a session");
}

int
main(void)
{
	int code;

	for (int r = 0; r < SANDBOX_ROLES; r++) {
		const char *name = sandbox_role_name((enum sandbox_role)r);

		ok(sandbox_role_named(span_of(name)) == (enum sandbox_role)r, "%s has its name", name);
		is_num(in_child(ordinary_life, (enum sandbox_role)r), 0, name);
		is_num(in_child(dies_by_abort, (enum sandbox_role)r), 128 + SIGABRT, "abort shows as abort");
	}
	is_num(in_child(worker_signals, SANDBOX_SMTP), 128 + SIGSYS, "a worker cannot signal the parent that compiled its filter");
	is_num(in_child(worker_limits, SANDBOX_SMTP), 128 + SIGSYS, "nor see or set its limits");
	is_num(in_child(worker_aborts, SANDBOX_SMTP), 128 + SIGABRT, "its own abort shows as abort");
	is_num(in_child(worker_half_closes, SANDBOX_SMTP), 0, "a session half-closes its connection, and no port");
	is_num(in_child(worker_closes_port, SANDBOX_SMTP), 128 + SIGSYS, "which it cannot close");
	is_num(in_child(runs_thread, SANDBOX_DATABASE), 0, "a role with threads has them");
	is_num(in_child(runs_thread, SANDBOX_MAILBOX), 128 + SIGSYS, "one without has none");
	parents_cover_children();
	make_mailboxes();
	code = in_child(two_stages, SANDBOX_LOGIN);
	if (code == 77)
		ok(true, "two stages # SKIP the kernel has no Landlock with REFER");
	else
		is_num(code, 0, "log-in, then one mailbox: linked and renamed inside, nothing outside");
	remove_mailboxes();
	return done();
}
