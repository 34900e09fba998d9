/*
 * mail-master: start the other programs and keep them running.
 *
 * The only process with the rights of root: it binds every port and socket,
 * opens keys, and hands both to programs that then give their rights up.  It
 * holds no connection and no mail; no byte from the network and no XML reaches
 * it.  In an instance of an ordinary user it is that user, and so are all.
 *
 * Crash: killed at any instant, its programs see the end of their line to it
 * and finish; the next mail-master takes over the sockets left behind.
 */
#include "base/base.h"
#include "master.h"
#include "base/die.h"
#include "sys/user.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/resource.h>

/* How often the lists of who is never greylisted are looked at. */
#define BYPASS_MS 2000

PB_NORETURN static void
usage(int code)
{
	fputs("usage: mail-master [-r ROOT] [--foreground]\n"
		"       mail-master --help | --version\n"
		"Start all programs of a mail server; see mail-master(8).\n",
		code == EXIT_DONE ? stdout : stderr);
	fflush(stdout);
	_exit(code);
}

static const char *
read_options(struct master *m, int argc, char **argv)
{
	const char *root = NULL;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "-r") == 0 && i + 1 < argc) {
			root = argv[++i];
		} else if (strcmp(argv[i], "--foreground") == 0) {
			m->in_foreground = true;
		} else if (strcmp(argv[i], "--help") == 0) {
			usage(EXIT_DONE);
		} else if (strcmp(argv[i], "--version") == 0) {
			printf("mail-master (%s) %s\n", PACKAGE_NAME, PACKAGE_VERSION);
			fflush(stdout);
			_exit(EXIT_DONE);
		} else {
			usage(EXIT_USAGE);
		}
	}
	return root;
}

/* The other programs lie beside this one. */
static void
find_programs(struct master *m)
{
	ssize_t n = readlink("/proc/self/exe", m->libexec, sizeof(m->libexec) - 1);
	char *slash;

	if (n <= 0)
		die(EXIT_NO_OBJECT, "cannot find my own file: %m");
	m->libexec[n] = '\0';
	slash = strrchr(m->libexec, '/');
	if (slash != NULL)
		*slash = '\0';
}

/* Descriptors of whoever called us end here; 0 to 2 exist. */
static void
clean_start(void)
{
	(void)close_range(3, ~0U, 0);
	for (int fd = open("/dev/null", O_RDWR); fd >= 0 && fd <= 2;)
		fd = open("/dev/null", O_RDWR);
	(void)close_range(3, ~0U, 0);
	(void)umask(077);
	(void)signal(SIGPIPE, SIG_IGN);
}

static void
open_instance(struct master *m, const char *root)
{
	struct instance *in = &m->svc.instance;
	struct stat st;

	if (instance_open(in, root) != 0)
		die(EXIT_NO_OBJECT, "cannot open the instance %s: %m", root != NULL ? root : "");
	if (geteuid() == 0 && in->single_uid) {	/* root starts a user's instance: as that user */
		if (fstat(in->root_fd, &st) != 0)
			die(EXIT_NO_RIGHT, "cannot see who owns %s: %m", in->root);
		user_drop(st.st_uid, st.st_gid);
	}
	if (geteuid() != in->owner)
		die(EXIT_NO_RIGHT, "only root or the owner of %s may start it", in->root);
}

/* Many descriptors for many ports and programs; what cannot be had is not needed. */
static void
raise_limits(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur < r.rlim_max) {
		r.rlim_cur = r.rlim_max > 65536 ? 65536 : r.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &r);
	}
}

static void
make_units(struct master *m)
{
	if (unit_def_count > MASTER_UNITS_MAX)
		bug("%zu units", unit_def_count);
	m->unit_count = unit_def_count;
	for (size_t i = 0; i < unit_def_count; i++)
		m->units[i] = (struct unit){ .def = &unit_defs[i], .master = m };
}

/* Settings and ports of the first start: what is wrong ends it, with all messages. */
static void
first_load(struct master *m)
{
	struct port ports[MASTER_PORTS_MAX];
	struct buf errors;
	size_t count = 0;

	buf_init(&errors, 16384);
	if (load_settings(m, &m->loaded, &errors) != 0
	    || sockets_ports(m, m->loaded.own, ports, &count, &errors) != 0) {
		(void)!write(2, errors.p, errors.n);
		die(EXIT_REFUSED, "not started");
	}
	buf_free(&errors);
	sockets_take(m, ports, count);
	if (load_write(m, &m->loaded, NULL) != 0)
		die(EXIT_REFUSED, "cannot write run/settings: %m");
	if (keep_ports(m) != 0)
		die(EXIT_REFUSED, "cannot write run/instance.env: %m");
}

/* The parent waits for one byte: everything that can fail at start has not. */
static int
go_into_background(struct master *m)
{
	int ends[2];
	char byte;
	pid_t pid;

	if (m->in_foreground)
		return -1;
	if (pipe2(ends, O_CLOEXEC) != 0 || (pid = fork()) < 0)
		die(EXIT_TRY_LATER, "cannot go into the background: %m");
	if (pid > 0) {
		close(ends[1]);
		_exit(read(ends[0], &byte, 1) == 1 ? EXIT_DONE : EXIT_REFUSED);
	}
	close(ends[0]);
	(void)setsid();
	return ends[1];
}

/* In the background nothing of the caller's stays open, here or in the programs. */
static void
leave_terminal(struct master *m)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), out;

	if (null < 0 || dup2(null, 0) < 0)
		die(EXIT_REFUSED, "cannot open /dev/null: %m");
	if (m->in_foreground) {
		close(null);
		return;
	}
	out = instance_openat(&m->svc.instance, "log/stderr.log", O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0640);
	if (dup2(out < 0 ? null : out, 2) < 0 || dup2(2, 1) < 0)
		die(EXIT_REFUSED, "cannot open log/stderr.log: %m");
	close(null);
	if (out >= 0)
		close(out);
}

static void
tell_started(int fd)
{
	if (fd < 0)
		return;
	(void)!write(fd, "", 1);
	close(fd);
}

static void
on_child(void *ctx, int signo)
{
	(void)signo;
	generation_reap(ctx);
}

static void
on_end(void *ctx, int signo)
{
	(void)signo;
	generation_shutdown(ctx);
}

static void
on_hangup(void *ctx, int signo)
{
	(void)signo;
	requests_reload(ctx);
}

/* These files are written by other programs, which tell nobody. */
static void
look_at_bypass(void *ctx)
{
	struct master *m = ctx;

	if (load_bypass_changed(m))
		requests_reload(m);
	loop_timer(m->loop, BYPASS_MS, look_at_bypass, m);
}

static void
watch_signals(struct master *m)
{
	m->loop = loop_new();
	m->svc.loop = m->loop;
	loop_signal(m->loop, SIGCHLD, on_child, m);
	loop_signal(m->loop, SIGTERM, on_end, m);
	loop_signal(m->loop, SIGINT, on_end, m);
	loop_signal(m->loop, SIGHUP, on_hangup, m);
}

static void
open_log(struct master *m)
{
	if (fchdir(m->pub_fd) != 0)
		die(EXIT_NO_OBJECT, "cannot use run/pub: %m");
	m->svc.log.fd = owner_connect(&m->svc, "log", SOCK_DGRAM);
}

int
main(int argc, char **argv)
{
	static struct master m;
	const char *root = read_options(&m, argc, argv);
	int started;

	m.svc = (struct service){ .name = "mail-master", .mode = "", .master_fd = -1, .channel = -1,
		.log = { .fd = -1, .kind = "administrative", .level = LOG_NORMAL } };
	die_set_program("mail-master");
	clean_start();
	open_instance(&m, root);
	find_programs(&m);
	raise_limits();
	make_units(&m);
	keep_folders(&m);
	keep_lock(&m);
	keep_read(&m);
	started = go_into_background(&m);
	sockets_bind_all(&m);
	first_load(&m);
	keep_pid(&m);
	open_log(&m);
	sockets_tell(&m, NULL, 0, m.ports, m.port_count);
	watch_signals(&m);
	requests_start(&m);
	leave_terminal(&m);
	if (sandbox_landlock_abi() == 0)
		service_tell_unconfined(&m.svc);
	loop_timer(m.loop, BYPASS_MS, look_at_bypass, &m);
	generation_apply(&m);
	tell_started(started);
	loop_run(m.loop);
	log_flush(&m.svc, true);
	keep_no_pid(&m);
	return EXIT_DONE;
}
