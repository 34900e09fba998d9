/*
 * forbidden-acts roles: print the names of all roles.
 * forbidden-acts DIRECTORY ROLE [allow-all] [refuse] [log-in]: confine a process as ROLE for
 * each act of the table and print "ok" or "not ok" as the kernel refuses it or not.
 *
 * Each act has a process of its own, since a breach ends it.  As root the
 * process also gets the uid of nobody, and the roles without files a chroot,
 * as the programs do.  With allow-all nothing is confined but the uid: a run
 * that must show what the acts are worth.  With log-in (role mailbox) it goes
 * the way of a POP3 or IMAP worker, through the product's own code, and must
 * still be able to work in its own mailbox.  DIRECTORY is empty and everybody
 * may write there.
 */
#include "base/base.h"
#include "forbidden_acts.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/die.h"
#include "service/enter.h"
#include "sys/peer.h"
#include "sys/user.h"

#define NOBODY 65534

static char home[96];		/* DIRECTORY/home: where the process may be */
static char foreign[128];	/* DIRECTORY/foreign: where it may not */
static const char *top;		/* DIRECTORY */
static bool allow_all, by_log_in;

/* Roles whose work lies in directories; all others reach no file. */
static bool
has_files(enum sandbox_role role)
{
	return role == SANDBOX_MAILBOX || role == SANDBOX_INTAKE || role == SANDBOX_SCHEDULE ||
	    role == SANDBOX_DELIVER || role == SANDBOX_DIRECTORY || role == SANDBOX_DATABASE ||
	    role == SANDBOX_LOG || role == SANDBOX_SETTINGS || role == SANDBOX_SENDER;
}

static bool
has_tcp(enum sandbox_role role)
{
	return role == SANDBOX_SEND || role == SANDBOX_RESOLVER || role == SANDBOX_SENDER || role == SANDBOX_CONNECTOR;
}

/*
 * As service_confine, the pool and a worker do it one after the other, up to the
 * log-in that brings the descriptor of a mailbox.  Only root's workers have a chroot.
 */
static void
log_in(void)
{
	struct sandbox_paths p;
	bool root = geteuid() == 0;
	int mailbox = open(home, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int domains = open(top, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (mailbox < 0 || domains < 0 || chdir(top) < 0 || chdir("pub") < 0)
		die(EXIT_REFUSED, "%s: %s", top, strerror(errno));
	sandbox_scope(false);
	if (root && (chroot(".") < 0 || chdir("/") < 0))
		die(EXIT_REFUSED, "chroot: %s", strerror(errno));
	if (root)
		user_drop(NOBODY, NOBODY);
	sandbox_prepare(&(struct sandbox_limits){ .cpu_s = 20 });
	if (!root) {
		sandbox_paths_begin(&p, true);
		sandbox_paths_allow(&p, domains, SANDBOX_READ | SANDBOX_WRITE | SANDBOX_REFER | SANDBOX_MKDIR);
		(void)sandbox_paths_apply(&p);
	}
	close(domains);
	sandbox_seccomp(SANDBOX_LISTENER);
	sandbox_seccomp(SANDBOX_LOGIN);
	if (service_enter_mailbox(mailbox) < 0)
		die(EXIT_REFUSED, "service_enter_mailbox: %s", strerror(errno));
	close(mailbox);
}

static void
confine(enum sandbox_role role)
{
	struct sandbox_paths p;
	bool root = geteuid() == 0;
	int fd;

	if (by_log_in) {
		log_in();
		return;
	}
	if (chdir(home) < 0)
		die(EXIT_REFUSED, "chdir: %s", strerror(errno));
	if (!allow_all)
		sandbox_scope(has_tcp(role));
	if (root && !has_files(role) && !allow_all && chroot(".") < 0)
		die(EXIT_REFUSED, "chroot: %s", strerror(errno));
	if (root)
		user_drop(NOBODY, NOBODY);
	if (allow_all)
		return;
	sandbox_prepare(&(struct sandbox_limits){ .cpu_s = 20 });
	if (!root || has_files(role)) {
		sandbox_paths_begin(&p, has_tcp(role));
		fd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (has_files(role) && fd >= 0)
			sandbox_paths_allow(&p, fd, SANDBOX_READ | SANDBOX_WRITE | SANDBOX_REFER);
		if (!sandbox_paths_apply(&p))
			printf("# no Landlock\n");
	}
	sandbox_seccomp(role);
}

/* Another process of the same uid: its memory, signals and descriptors are not ours. */
static pid_t
start_other(void)
{
	int ready[2];
	char byte = 0;
	pid_t pid;

	if (pipe(ready) < 0)
		die(EXIT_TRY_LATER, "pipe: %s", strerror(errno));
	pid = fork();
	if (pid == 0) {
		if (geteuid() == 0)
			user_drop(NOBODY, NOBODY);
		if (prctl(PR_SET_DUMPABLE, 1) < 0 || write(ready[1], &byte, 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		die(EXIT_TRY_LATER, "the other process did not start");
	close(ready[0]);
	return pid;
}

/* An owner: it says a byte to callers that it accepts, and those are root alone. */
static pid_t
start_owner(int *listening)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	pid_t pid;

	*listening = socket(AF_UNIX, SOCK_STREAM, 0);
	snprintf(un.sun_path, sizeof(un.sun_path), "%s/owner", home);
	if (*listening < 0 || bind(*listening, (struct sockaddr *)&un, sizeof(un)) < 0 ||
	    chmod(un.sun_path, 0666) < 0 || listen(*listening, 8) < 0)
		die(EXIT_REFUSED, "owner: %s", strerror(errno));
	pid = fork();
	if (pid != 0)
		return pid;
	for (;;) {
		int fd = accept(*listening, NULL, NULL);

		if (peer_is_allowed(fd, NULL, 0) && write(fd, "y", 1) != 1)
			_exit(1);
		close(fd);
	}
}

static int
make_file(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, "x", 1) != 1 || (geteuid() == 0 && fchown(fd, NOBODY, NOBODY) < 0))
		die(EXIT_REFUSED, "%s: %s", path, strerror(errno));
	return fd;
}

/* A client's connection as a worker has it, and the port of somebody else. */
static void
make_client(struct scene *scene)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int listening = socket(AF_INET, SOCK_STREAM, 0), from = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t n = sizeof(in);

	if (listening < 0 || from < 0 || bind(listening, (struct sockaddr *)&in, sizeof(in)) < 0 ||
	    listen(listening, 64) < 0 || getsockname(listening, (struct sockaddr *)&in, &n) < 0 ||
	    connect(from, (struct sockaddr *)&in, sizeof(in)) < 0 ||
	    (scene->client = accept(listening, NULL, NULL)) < 0)
		die(EXIT_REFUSED, "client: %s", strerror(errno));
	scene->listening = listening;
	scene->port = in.sin_port;
}

static int
make_folder(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", top, name);
	return mkdir(path, 0700) < 0 || (geteuid() == 0 && chown(path, NOBODY, NOBODY) < 0) ? -1 : 0;
}

static int
make_scene(struct scene *scene)
{
	char path[128];

	snprintf(home, sizeof(home), "%s/home", top);
	snprintf(foreign, sizeof(foreign), "%s/foreign", top);
	if (make_folder("home") < 0 || make_folder("home/new") < 0 || make_folder("home/cur") < 0 ||
	    make_folder("other") < 0 || make_folder("pub") < 0)
		return -1;
	snprintf(path, sizeof(path), "%s/own", home);
	scene->file_fd = make_file(path);
	snprintf(path, sizeof(path), "%s/other/mail", top);
	close(make_file(path));
	close(make_file(foreign));
	scene->home_fd = open(home, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	scene->foreign = foreign;
	make_client(scene);
	return 0;
}

/* "possible", or why not. */
static const char *
try(const struct act *act, const struct scene *scene, enum sandbox_role role)
{
	static char why[64];
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		confine(role);
		_exit(act->run(scene) == 0 ? 0 : 100 + (errno < 150 ? errno : 150));
	}
	if (waitpid(pid, &status, WUNTRACED) != pid)
		return "lost";
	if (WIFSTOPPED(status)) {
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		return "possible";
	}
	if (WIFSIGNALED(status)) {
		snprintf(why, sizeof(why), "killed by signal %d", WTERMSIG(status));
		return why;
	}
	if (WEXITSTATUS(status) == 0)
		return "possible";
	if (WEXITSTATUS(status) < 100)
		die(EXIT_REFUSED, "not confined: exit code %d", WEXITSTATUS(status));
	snprintf(why, sizeof(why), "%s", strerror(WEXITSTATUS(status) - 100));
	return why;
}

/* What a session does all day is possible in a mailbox that was entered. */
static int
use_own_mailbox(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		log_in();
		_exit(close(open("own", O_RDONLY | O_CLOEXEC)) < 0 ||
		    close(open("new/1", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) < 0 ||
		    renameat(AT_FDCWD, "new/1", AT_FDCWD, "cur/1:2,S") < 0 ||
		    linkat(AT_FDCWD, "cur/1:2,S", AT_FDCWD, "new/2", 0) < 0 ||
		    unlinkat(AT_FDCWD, "cur/1:2,S", 0) < 0 || mkdirat(AT_FDCWD, ".Sent", 0700) < 0);
	}
	if (waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

/*
 * A parent of the same uid may signal what it likes where the kernel has no
 * signal scope, and who may connect to a Unix socket may do so with a client's
 * connection: the acts that a missing Landlock leaves open.
 */
static bool
is_beyond_this_kernel(const struct act *act, enum sandbox_role role)
{
	bool client = strncmp(act->name, "connect a client", 16) == 0;
	bool parent = role == SANDBOX_LISTENER || role == SANDBOX_CONNECTOR || role == SANDBOX_SCHEDULE || role == SANDBOX_RESOLVER ||
	    role == SANDBOX_SENDER || role == SANDBOX_DELIVER || role == SANDBOX_NURSERY;

	return sandbox_landlock_abi() < 6 && (client || (parent && strncmp(act->name, "signal", 6) == 0));
}

static int
run_table(const struct scene *scene, enum sandbox_role role)
{
	int bad = 0;

	for (size_t i = 0; i < act_count; i++) {
		const char *result;
		bool possible;

		if ((acts[i].allowed & ROLE(role)) || is_beyond_this_kernel(&acts[i], role))
			continue;
		if (acts[i].needs_root && scene->other_socket < 0)
			continue;
		result = try(&acts[i], scene, role);
		possible = strcmp(result, "possible") == 0;
		bad += possible;
		printf("%s - %s: %s: %s\n", possible ? "not ok" : "ok", sandbox_role_name(role),
			acts[i].name, result);
		if (allow_all && acts[i].must_work && !possible)
			printf("# worthless - %s: %s\n", acts[i].name, result);
	}
	return bad;
}

int
main(int argc, char **argv)
{
	struct scene scene = { .other_socket = -1 };
	enum sandbox_role role = sandbox_role_named(span_of(argc > 2 ? argv[2] : ""));
	pid_t owner = 0;
	int bad;

	for (int r = 0; argc == 2 && strcmp(argv[1], "roles") == 0 && r < SANDBOX_ROLES; r++)
		printf("%s\n", sandbox_role_name((enum sandbox_role)r));
	for (int i = 3; i < argc; i++) {
		allow_all |= strcmp(argv[i], "allow-all") == 0;
		by_log_in |= strcmp(argv[i], "log-in") == 0;
		if (strcmp(argv[i], "refuse") == 0)
			sandbox_set_action(SANDBOX_REFUSE);
	}
	if (argc == 2)
		return 0;
	if (role == SANDBOX_ROLES || (by_log_in && role != SANDBOX_MAILBOX))
		die(EXIT_USAGE, "usage: forbidden-acts DIRECTORY ROLE [allow-all] [refuse] [log-in]");
	top = argv[1];
	if (make_scene(&scene) < 0)
		die(EXIT_REFUSED, "%s: %s", top, strerror(errno));
	scene.other = start_other();
	if (geteuid() == 0)
		owner = start_owner(&scene.other_socket);
	bad = run_table(&scene, role);
	if (by_log_in)
		printf("# own mailbox: %s\n", use_own_mailbox() == 0 ? "works" : "cannot be used");
	kill(scene.other, SIGKILL);
	if (owner > 0)
		kill(owner, SIGKILL);
	return bad > 0;
}
