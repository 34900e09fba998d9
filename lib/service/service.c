/*
 * service: from main's first line to the point where rights are gone.
 *
 * The order is that of service.h.  run/pub is the working directory
 * from service_init on, so that sockets are named the same before and after
 * chroot; it holds sockets only.
 *
 * Trust: argv, the environment and the descriptors come from mail-master, or
 * from inetd and its kind; the settings file is written by an unprivileged
 * child of mail-master and read as hostile.
 */
#include "base/base.h"
#include "service/service.h"
#include "base/die.h"
#include "base/limits.h"
#include "base/num.h"
#include "service/key_files.h"
#include "sys/random.h"
#include "sys/user.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

static struct service *dying;	/* whose log takes the last line */

static void
last_line(const char *line)
{
	char storage[LIMIT_LOG_LINE];
	struct buf b;

	buf_init_fixed(&b, storage, sizeof(storage));
	log_value(&b, "text", span_of(line));
	log_failure(dying, NULL, NULL, "event=died%s", buf_text(&b));
	log_flush(dying, true);
	if (dying->log.fd >= 0) {
		(void)!write(2, line, strlen(line));
		(void)!write(2, "\n", 1);
	}
}

PB_NORETURN static void
usage(const struct service *svc, const char *const *modes, int code)
{
	FILE *to = code == EXIT_DONE ? stdout : stderr;

	fprintf(to, "usage: %s [-r ROOT]", svc->name);
	for (size_t i = 0; modes != NULL && modes[i] != NULL; i++)
		fprintf(to, "%s--%s", i == 0 ? " " : " | ", modes[i]);
	fprintf(to, "\n       %s --help | --version\n"
		"Started by mail-master(8); see %s(8).\n", svc->name, svc->name);
	fflush(to);
	_exit(code);
}

static const char *
find_mode(const char *const *modes, const char *arg)
{
	for (size_t i = 0; modes != NULL && modes[i] != NULL; i++)
		if (strncmp(arg, "--", 2) == 0 && strcmp(arg + 2, modes[i]) == 0)
			return modes[i];
	return NULL;
}

static const char *
read_options(struct service *svc, const char *const *modes, int argc, char **argv)
{
	const char *root = NULL;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "-r") == 0 && i + 1 < argc) {
			root = argv[++i];
		} else if (strcmp(argv[i], "--help") == 0) {
			usage(svc, modes, EXIT_DONE);
		} else if (strcmp(argv[i], "--version") == 0) {
			printf("%s (%s) %s\n", svc->name, PACKAGE_NAME, PACKAGE_VERSION);
			fflush(stdout);
			_exit(EXIT_DONE);
		} else if (*svc->mode == '\0' && find_mode(modes, argv[i]) != NULL) {
			svc->mode = find_mode(modes, argv[i]);
		} else {
			usage(svc, modes, EXIT_USAGE);
		}
	}
	if (modes != NULL && *svc->mode == '\0')
		usage(svc, modes, EXIT_USAGE);
	return root;
}

/* "master=3 listen.smtp=4 key=5" */
static void
read_fds(struct service *svc)
{
	struct span rest = span_of(getenv("PILLARBOX_FDS")), word;

	while ((word = span_word(&rest)).n > 0) {
		ssize_t eq = span_find(word, '=');
		struct service_fd *f = &svc->fds[svc->fd_count];
		int fd;

		if (eq <= 0 || (size_t)eq >= sizeof(f->name) || svc->fd_count == SERVICE_FDS_MAX
		    || !num_parse_int(span_from(word, (size_t)eq + 1), 4096, &fd)
		    || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
			die(EXIT_USAGE, "PILLARBOX_FDS is wrong at \"%.*s\"", SPAN_ARG(word));
		memcpy(f->name, word.p, (size_t)eq);
		f->name[eq] = '\0';
		f->fd = fd;
		svc->fd_count++;
	}
	unsetenv("PILLARBOX_FDS");
	svc->master_fd = service_fd(svc, "master");
	svc->replaces = getenv("PILLARBOX_REPLACES") != NULL;
}

/* Under inetd fd 2 is the connection too: nothing of ours may be said there. */
static void
guard_stderr(void)
{
	struct stat in, err;
	int fd;

	if (fstat(0, &in) != 0 || fstat(2, &err) != 0 || !S_ISSOCK(err.st_mode)
	    || in.st_ino != err.st_ino || in.st_dev != err.st_dev)
		return;
	fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (fd >= 0 && fd != 2) {
		(void)dup2(fd, 2);
		close(fd);
	}
}

static void
find_users(struct service *svc)
{
	for (size_t i = 0; i < SERVICE_USERS_MAX; i++)
		svc->uids[i] = (uid_t)-1;
	for (size_t i = 0; user_service_names[i] != NULL; i++) {
		gid_t gid;

		if (i == SERVICE_USERS_MAX)
			bug("more than %d service users", SERVICE_USERS_MAX);
		if (svc->instance.single_uid)
			svc->uids[i] = svc->instance.owner;
		else if (user_find(user_service_names[i], &svc->uids[i], &gid) != 0)
			svc->uids[i] = (uid_t)-1;
	}
}

static void
open_instance(struct service *svc, const char *root)
{
	char path[INSTANCE_PATH_MAX];

	if (instance_open(&svc->instance, root) != 0)
		die(EXIT_NO_OBJECT, "cannot open the instance %s: %m", root != NULL ? root : "");
	svc->pub_fd = instance_openat(&svc->instance, "run/pub", O_PATH | O_DIRECTORY, 0);
	if (svc->pub_fd < 0 || fchdir(svc->pub_fd) != 0)
		die(EXIT_NO_OBJECT, "cannot use %s: %m", instance_path(&svc->instance, path, "run/pub"));
}

void
service_init_modes(struct service *svc, const char *name, const char *const *modes,
	int argc, char **argv)
{
	const char *root;

	*svc = (struct service){ .name = name, .mode = "", .master_fd = -1, .pub_fd = -1,
		.outside_fd = -1, .channel = -1, .program = program_find(name) };
	if (svc->program == NULL)
		bug("unknown program %s", name);
	die_set_program(name);
	svc->log.fd = -1;
	svc->log.level = LOG_NORMAL;
	(void)snprintf(svc->log.kind, sizeof(svc->log.kind), "administrative");
	for (size_t i = 0; i < OWNERS_MAX; i++)
		svc->owner_fds[i] = -1;
	root = read_options(svc, modes, argc, argv);
	(void)umask(077);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN);	/* a file-size limit is an error like a full disk */
	guard_stderr();
	read_fds(svc);
	open_instance(svc, root);
	find_users(svc);
	svc->log.fd = owner_connect(svc, "log", SOCK_DGRAM);
	dying = svc;
	die_set_sink(last_line);
}

void
service_init(struct service *svc, const char *name, int argc, char **argv)
{
	service_init_modes(svc, name, NULL, argc, argv);
}

static enum log_level
level_named(const char *text)
{
	if (strcmp(text, "None") == 0)
		return LOG_NONE;
	if (strcmp(text, "ExceptionsOnly") == 0)
		return LOG_EXCEPTIONS;
	return strcmp(text, "Detailed") == 0 ? LOG_DETAILED : LOG_NORMAL;
}

/* The setting that holds the level of this log; NULL for logs without one. */
static const char *
level_setting(const char *kind)
{
	static const struct { const char *kind, *setting; } table[] = {
		{ "smtpLog", "smtpLogLevel" },
		{ "popLog", "popLogLevel" },
		{ "imapLog", "imapLogLevel" },
		{ "delivery", "deliveryLogLevel" },
	};

	for (size_t i = 0; i < PB_COUNT(table); i++)
		if (strcmp(table[i].kind, kind) == 0)
			return table[i].setting;
	return NULL;
}

void
service_settings(struct service *svc, const char *log_kind)
{
	char name[64], path[INSTANCE_PATH_MAX];
	const char *setting = level_setting(log_kind);
	int fd;

	(void)snprintf(svc->log.kind, sizeof(svc->log.kind), "%s", log_kind);
	(void)snprintf(name, sizeof(name), "run/settings/%s", svc->name);
	fd = instance_openat(&svc->instance, name, O_RDONLY | O_NOFOLLOW, 0);
	if (fd < 0)
		die(EXIT_NO_OBJECT, "cannot open %s: %m", instance_path(&svc->instance, path, name));
	svc->settings = settings_read(fd);
	if (svc->settings == NULL)
		die(EXIT_REFUSED, "cannot use %s: %m", instance_path(&svc->instance, path, name));
	close(fd);
	if (strcmp(settings_text(svc->settings, "sandboxBreach"), "refuse") == 0)
		sandbox_set_action(SANDBOX_REFUSE);
	if (setting != NULL)
		svc->log.level = level_named(settings_text(svc->settings, setting));
}

static bool
is_key_name(const char *name)
{
	return strncmp(name, "key", 3) == 0 || strncmp(name, "cert", 4) == 0 || strcmp(name, "client-ca") == 0;
}

static void
keep_key(void *ctx, const char *name, int fd)
{
	struct service *svc = ctx;
	struct service_fd *f = &svc->fds[svc->fd_count];

	if (svc->fd_count == SERVICE_FDS_MAX)
		bug("more than %d descriptors", SERVICE_FDS_MAX);
	(void)snprintf(f->name, sizeof(f->name), "%s", name);
	f->fd = fd;
	svc->fd_count++;
}

/* Started by inetd and its kind: nobody opened the keys.  Without rights to them there is no TLS. */
static void
open_keys(struct service *svc)
{
	struct buf errors;

	buf_init(&errors, 16384);
	(void)key_files_open(&svc->instance, svc->settings, keep_key, svc, &errors);
	for (struct span rest = buf_view(&errors); rest.n > 0;) {
		struct span line = span_cut(&rest, '\n');

		log_failure(svc, NULL, NULL, "event=no-key why=\"%.*s\"", SPAN_ARG(line));
	}
	buf_free(&errors);
}

void
service_warm_up(struct service *svc)
{
	time_t now = time(NULL);
	struct tm tm;

	tzset();
	localtime_r(&now, &tm);
	if (svc->master_fd < 0 && svc->refuse != NULL)	/* listeners alone have keys */
		open_keys(svc);
	if (svc->warm != NULL)
		svc->warm(svc);
	log_flush(svc, true);	/* before the loop that would do it, and before workers are forked */
}

void
service_path(struct service *svc, const char *name, unsigned sandbox_rights)
{
	char path[INSTANCE_PATH_MAX];
	int fd;

	if (!svc->has_paths)
		sandbox_paths_begin(&svc->paths, true);
	svc->has_paths = true;
	fd = instance_openat(&svc->instance, name, O_PATH, 0);
	if (fd < 0)
		die(EXIT_NO_OBJECT, "cannot open %s: %m", instance_path(&svc->instance, path, name));
	sandbox_paths_allow(&svc->paths, fd, sandbox_rights);
	close(fd);
}

const char *
service_home(struct service *svc, const char *name, char out[SERVICE_HOME_MAX])
{
	char path[INSTANCE_PATH_MAX];
	int fd = instance_openat(&svc->instance, name, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);

	if (fd < 0)
		die(EXIT_NO_OBJECT, "cannot open %s: %m", instance_path(&svc->instance, path, name));
	/* Stays open as long as the process.  The dot makes the link an inner part of the
	 * path, so that O_NOFOLLOW does not refuse it. */
	(void)snprintf(out, SERVICE_HOME_MAX, "/proc/self/fd/%d/.", fd);
	return out;
}

/*
 * A listener names no path.  With root's help it is chrooted to the sockets;
 * with one uid only Landlock can hold it, and a log-in worker, whose mailbox
 * rule is stacked on this one, then keeps the folder of all mailboxes.  Where
 * contacts lie outside run/pub the parent keeps a way to their sockets, and
 * Landlock makes sure that it opens no file on that way.
 * Returns true when Landlock rules are to be applied.
 */
static bool
hold_files(struct service *svc, bool has_root)
{
	if (svc->has_paths)
		return true;
	if (contacts_are_outside(svc)) {
		svc->outside_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (svc->outside_fd < 0)
			die(EXIT_NO_RIGHT, "cannot open /: %m");
	}
	if (has_root) {
		if (svc->outside_fd >= 0)
			sandbox_paths_begin(&svc->paths, true);
		if (chroot(".") != 0 || chdir("/") != 0)
			die(EXIT_NO_RIGHT, "cannot chroot to run/pub: %m");
		return svc->outside_fd >= 0;
	}
	if (svc->role == SANDBOX_LOGIN)
		service_path(svc, "domains", SANDBOX_READ | SANDBOX_WRITE | SANDBOX_REFER | SANDBOX_MKDIR);
	else
		sandbox_paths_begin(&svc->paths, true);
	return true;
}

/* Who to become: the program's user, the one uid, or (not root) who we are. */
static void
find_ids(const struct service *svc, uid_t *uid, gid_t *gid)
{
	struct stat st;

	*uid = geteuid();
	*gid = getegid();
	if (*uid != 0)
		return;
	if (!svc->instance.single_uid) {
		if (user_find(svc->program->user, uid, gid) != 0)
			die(EXIT_NO_OBJECT, "there is no user %s: %m", svc->program->user);
	} else if (fstat(svc->instance.root_fd, &st) == 0) {
		*uid = st.st_uid;
		*gid = st.st_gid;
	} else {
		die(EXIT_NO_OBJECT, "cannot see the owner of the instance: %m");
	}
}

/* Descriptors that would lead out of the chroot, and keys: they were read by now. */
static void
forget_ways_out(struct service *svc)
{
	instance_close(&svc->instance);
	for (size_t i = 0; i < svc->fd_count; i++) {
		struct service_fd *f = &svc->fds[i];

		if (!is_key_name(f->name))
			continue;
		close(f->fd);
		f->name[0] = '\0';
		f->fd = -1;
	}
}

void
service_tell_unconfined(struct service *svc)
{
	log_failure(svc, NULL, NULL, "event=sandbox program=%s landlock=none", svc->name);
	log_flush(svc, false);
}

/* A session that logs in needs files linked across directories, which came with the second version. */
static bool
has_landlock(enum sandbox_role role)
{
	return sandbox_landlock_abi() >= (role == SANDBOX_LOGIN ? 2 : 1);
}

void
service_confine(struct service *svc, enum sandbox_role role)
{
	const struct sandbox_limits limits = { .file_bytes = svc->file_bytes };
	bool has_root = geteuid() == 0, by_landlock;
	uid_t uid;
	gid_t gid;

	svc->role = role;
	find_ids(svc, &uid, &gid);
	sandbox_scope(role == SANDBOX_SENDER || role == SANDBOX_RESOLVER || contacts_need_tcp(svc));
	by_landlock = hold_files(svc, has_root);
	forget_ways_out(svc);
	if (has_root)
		user_drop(uid, gid);
	sandbox_prepare(&limits);
	if ((by_landlock && !sandbox_paths_apply(&svc->paths)) || !has_landlock(role))
		service_tell_unconfined(svc);
	if (svc->master_fd >= 0 && prctl(PR_SET_PDEATHSIG, SIGTERM) != 0)
		die(EXIT_REFUSED, "PR_SET_PDEATHSIG: %m");
}

void
service_owners(struct service *svc, unsigned mask)
{
	svc->owner_mask = mask;
}

int
service_fd(const struct service *svc, const char *name)
{
	for (size_t i = 0; i < svc->fd_count; i++)
		if (strcmp(svc->fds[i].name, name) == 0)
			return svc->fds[i].fd;
	return -1;
}

uid_t
service_uid(const struct service *svc, const char *user)
{
	for (size_t i = 0; user_service_names[i] != NULL; i++)
		if (strcmp(user_service_names[i], user) == 0)
			return svc->uids[i];
	bug("unknown service user %s", user);
}
