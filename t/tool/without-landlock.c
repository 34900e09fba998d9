/*
 * without-landlock PROGRAM ARGUMENTS...: run a program as on a kernel without
 * Landlock: its three calls say ENOSYS.
 */
#include "base/base.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "base/die.h"

int
main(int argc, char **argv)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 444, 0, 2),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 446, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = PB_COUNT(code), .filter = code };

	if (argc < 2)
		die(EXIT_USAGE, "usage: without-landlock PROGRAM ARGUMENTS...");
	/* as root without no_new_privs, so that setuid programs are no different */
	if (geteuid() != 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		die(EXIT_REFUSED, "no_new_privs: %s", strerror(errno));
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0)
		die(EXIT_REFUSED, "seccomp: %s", strerror(errno));
	execv(argv[1], argv + 1);
	die(EXIT_REFUSED, "%s: %s", argv[1], strerror(errno));
}
