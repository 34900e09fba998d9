/*
 * user: see user.h.
 */
#include "base/base.h"
#include "sys/user.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <spawn.h>
#include <sys/wait.h>

#include "base/die.h"

const char *const user_service_names[] = { "pbsmtp", "pbmail", "pbsend", "pbcheck", "pbauth",
	"pbscan", "pblog", "pbhook", NULL };

int
user_find(const char *name, uid_t *uid_out, gid_t *gid_out)
{
	char space[4096];
	struct passwd entry, *found;
	int error = getpwnam_r(name, &entry, space, sizeof(space), &found);

	if (found == NULL) {
		errno = error != 0 ? error : ENOENT;
		return -1;
	}
	*uid_out = entry.pw_uid;
	*gid_out = entry.pw_gid;
	return 0;
}

/* Run useradd, which knows about shadow files, locks and free system uids. */
static int
run_useradd(const char *name)
{
	const char *argv[] = { "useradd", "--system", "--user-group", "--no-create-home",
		"--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin", "--", name, NULL };
	const char *envp[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", NULL };
	pid_t pid;
	int status, error;

	error = posix_spawn(&pid, "/usr/sbin/useradd", NULL, NULL,
		(char *const *)(uintptr_t)argv, (char *const *)(uintptr_t)envp);
	if (error != 0) {
		errno = error;
		return -1;
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		errno = EIO;
		return -1;
	}
	return 0;
}

int
user_create(const char *name)
{
	uid_t uid;
	gid_t gid;

	if (user_find(name, &uid, &gid) == 0)
		return 1;
	if (errno != ENOENT || run_useradd(name) < 0)
		return -1;
	return user_find(name, &uid, &gid);
}

/* Real, effective and saved ids are the wanted ones, and no way leads back. */
static void
prove(uid_t uid, gid_t gid)
{
	uid_t r, e, s;
	gid_t rg, eg, sg;

	if (getresuid(&r, &e, &s) < 0 || r != uid || e != uid || s != uid)
		die(EXIT_NO_RIGHT, "event=privileges state=wrong-uid want=%u", (unsigned)uid);
	if (getresgid(&rg, &eg, &sg) < 0 || rg != gid || eg != gid || sg != gid)
		die(EXIT_NO_RIGHT, "event=privileges state=wrong-gid want=%u", (unsigned)gid);
	if (uid != 0 && (setuid(0) == 0 || seteuid(0) == 0))
		die(EXIT_NO_RIGHT, "event=privileges state=root-again");
}

void
user_drop(uid_t uid, gid_t gid)
{
	if (geteuid() == 0 && uid == 0)
		die(EXIT_NO_RIGHT, "event=privileges state=refuse-to-run-as-root");
	if (geteuid() == 0) {
		if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 ||
		    setresuid(uid, uid, uid) < 0)
			die(EXIT_NO_RIGHT, "event=privileges state=cannot-drop error=\"%s\"",
				strerror(errno));
	}
	prove(uid, gid);
}
