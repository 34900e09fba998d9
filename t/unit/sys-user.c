/* user and peer: who a process is, for good, and who calls. */
#include "base/base.h"
#include "sys/peer.h"
#include "sys/user.h"
#include "tap.h"

#include <errno.h>
#include <grp.h>
#include <sys/wait.h>

#define NOBODY 65534

static int
in_child(int (*run)(void))
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		/* what a process that must die says is not for the test's reader */
		if (freopen("/dev/null", "w", stderr) == NULL)
			_exit(98);
		_exit(run());
	}
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

static int
drops(void)
{
	gid_t groups[1];

	user_drop(NOBODY, NOBODY);
	if (getuid() != NOBODY || geteuid() != NOBODY || getgid() != NOBODY || getgroups(0, groups) != 0)
		return 1;
	return setuid(0) == 0 || setgid(0) == 0 ? 2 : 0;
}

static int
drops_to_root(void)
{
	user_drop(0, 0);
	return 0;
}

/* Only the effective uid was given up: root could be had again. */
static int
half_dropped(void)
{
	if (setresgid(NOBODY, NOBODY, NOBODY) < 0 || seteuid(NOBODY) < 0)
		return 1;
	user_drop(NOBODY, NOBODY);
	return 0;
}

static int
to_another(void)
{
	if (setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0)
		return 1;
	user_drop(NOBODY - 1, NOBODY);
	return 0;
}

static void
as_root(void)
{
	is_num(in_child(drops), 0, "a dropped process has one uid, no groups, and no way back");
	is_num(in_child(drops_to_root), 77, "to root is no drop: the process ends");
	is_num(in_child(half_dropped), 77, "a saved uid of root is found: the process ends");
	is_num(in_child(to_another), 77, "a uid that cannot be had ends the process");
}

static void
peers(void)
{
	int pair[2];
	struct ucred who;
	uid_t mine = getuid(), other = mine + 1;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) < 0)
		return;
	ok(peer_cred(pair[0], &who) == 0 && who.uid == mine && who.pid == getpid(), "the kernel tells who calls");
	ok(peer_is_allowed(pair[0], &mine, 1), "who is in the list may");
	ok(peer_is_allowed(pair[0], &other, 1) == (mine == 0), "who is not may only as root");
	ok(!peer_is_allowed(0x7fff, &mine, 1), "nobody calls over no socket");
}

int
main(void)
{
	uid_t uid;
	gid_t gid;

	ok(user_find("root", &uid, &gid) == 0 && uid == 0, "root is found");
	ok(user_find("no-such-user-here", &uid, &gid) == -1 && errno == ENOENT, "others are not");
	is_num(user_create("root"), 1, "a user that is there is not made again");
	peers();
	if (geteuid() == 0)
		as_root();
	else
		ok(true, "giving up root # SKIP needs root");
	return done();
}
