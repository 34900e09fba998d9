/*
 * sandbox_roles: which system calls each role may make, as data.
 *
 * Only for sandbox*.c and its tests.
 */
#ifndef SYS_SANDBOX_ROLES_H
#define SYS_SANDBOX_ROLES_H

#include "base/base.h"
#include "sys/sandbox.h"

/* What must hold for the arguments. */
enum sandbox_test {
	TEST_NONE,		/* any arguments */
	TEST_SELF,		/* pid (argument 0) is 0 or this process */
	TEST_MAP_PRIVATE,	/* mmap: not executable; a file never shared */
	TEST_MAP_SHARED,	/* mmap: not executable */
	TEST_PROTECT,		/* mprotect: not executable */
	TEST_THREAD,		/* clone: a thread of this process */
	TEST_FORK,		/* clone: a thread or a plain child, no namespaces */
	TEST_SOCKET_UNIX,	/* socket, socketpair: AF_UNIX */
	TEST_SOCKET_INET,	/* socket: AF_INET, AF_INET6 */
	TEST_OPEN_READ,		/* openat: for reading, creating nothing */
	TEST_FCNTL,		/* duplicates, reading flags, not to block any more; no owner, no signal */
	TEST_FCNTL_FLAGS,	/* any flags */
	TEST_FCNTL_FILE,	/* locks and leases */
	TEST_SHUT_WRITE,	/* shutdown: of what we say; to a listening socket that means nothing */
	TEST_IOCTL,		/* FIONREAD, TCGETS */
	TEST_PRCTL,		/* names; dumpable off, no_new_privs, parent-death signal */
	TEST_ENOSYS		/* never allowed, but refused as unknown to the kernel */
};

struct sandbox_call {
	int nr;
	enum sandbox_test test;
};

/* Lists of calls, NULL-ended; a role is their union. */
struct sandbox_group {
	const struct sandbox_call *calls;
	size_t count;
};

const struct sandbox_group *const *sandbox_role_groups(enum sandbox_role role);

#endif
