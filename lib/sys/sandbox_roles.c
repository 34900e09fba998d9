/*
 * sandbox_roles: see sandbox_roles.h.
 *
 * What is in no list is refused: execve, ptrace, chmod, chown, xattrs, mount,
 * setuid, process_vm_*, bpf, io_uring, keyctl, pidfd_getfd and all the rest.
 *
 * LOGIN holds the file calls of MAILBOX because filters only add up to less:
 * before log-in it is the chroot, or an empty Landlock ruleset, that leaves
 * these calls nothing to open.
 *
 * A call that one architecture does not have is absent there (glibc then uses
 * the *at form).
 */
#include "base/base.h"
#include "sys/sandbox_roles.h"

#include <sys/syscall.h>

#include "base/die.h"

#define GROUP(name) static const struct sandbox_group name##_group = { name##_calls, PB_COUNT(name##_calls) }

/* What the C library and a stream need, in every role. */
static const struct sandbox_call base_calls[] = {
	{ SYS_read, TEST_NONE }, { SYS_write, TEST_NONE },
	{ SYS_readv, TEST_NONE }, { SYS_writev, TEST_NONE },
	{ SYS_close, TEST_NONE }, { SYS_close_range, TEST_NONE }, { SYS_lseek, TEST_NONE },
	{ SYS_ppoll, TEST_NONE }, { SYS_epoll_pwait, TEST_NONE },
	{ SYS_epoll_ctl, TEST_NONE }, { SYS_epoll_create1, TEST_NONE },
	{ SYS_timerfd_create, TEST_NONE }, { SYS_timerfd_settime, TEST_NONE },
	{ SYS_eventfd2, TEST_NONE }, { SYS_signalfd4, TEST_NONE }, { SYS_pipe2, TEST_NONE },
	{ SYS_pselect6, TEST_NONE },
	{ SYS_clock_gettime, TEST_NONE }, { SYS_clock_getres, TEST_NONE },
	{ SYS_clock_nanosleep, TEST_NONE }, { SYS_nanosleep, TEST_NONE },
	{ SYS_gettimeofday, TEST_NONE }, { SYS_getitimer, TEST_NONE }, { SYS_setitimer, TEST_NONE },
	{ SYS_getrandom, TEST_NONE },
	{ SYS_brk, TEST_NONE }, { SYS_mmap, TEST_MAP_PRIVATE }, { SYS_munmap, TEST_NONE },
	{ SYS_mremap, TEST_NONE }, { SYS_madvise, TEST_NONE }, { SYS_mprotect, TEST_PROTECT },
	{ SYS_futex, TEST_NONE }, { SYS_sched_yield, TEST_NONE },
	{ SYS_sched_getaffinity, TEST_SELF }, { SYS_sysinfo, TEST_NONE }, { SYS_uname, TEST_NONE },
	{ SYS_rt_sigaction, TEST_NONE }, { SYS_rt_sigprocmask, TEST_NONE },
	{ SYS_rt_sigreturn, TEST_NONE }, { SYS_rt_sigtimedwait, TEST_NONE },
	{ SYS_sigaltstack, TEST_NONE }, { SYS_restart_syscall, TEST_NONE },
	{ SYS_exit, TEST_NONE }, { SYS_exit_group, TEST_NONE },
	{ SYS_tgkill, TEST_SELF }, { SYS_getpid, TEST_NONE }, { SYS_gettid, TEST_NONE },
	{ SYS_getppid, TEST_NONE }, { SYS_getuid, TEST_NONE }, { SYS_geteuid, TEST_NONE },
	{ SYS_getgid, TEST_NONE }, { SYS_getegid, TEST_NONE },
	{ SYS_set_robust_list, TEST_NONE }, { SYS_rseq, TEST_NONE },
	{ SYS_fcntl, TEST_FCNTL }, { SYS_dup, TEST_NONE }, { SYS_dup3, TEST_NONE },
	{ SYS_fstat, TEST_NONE }, { SYS_newfstatat, TEST_NONE }, { SYS_ioctl, TEST_IOCTL },
	{ SYS_prctl, TEST_PRCTL }, { SYS_prlimit64, TEST_SELF }, { SYS_getrusage, TEST_NONE },
	{ SYS_recvfrom, TEST_NONE }, { SYS_recvmsg, TEST_NONE },
	{ SYS_sendto, TEST_NONE }, { SYS_sendmsg, TEST_NONE },
	{ SYS_getsockopt, TEST_NONE },
	{ SYS_getpeername, TEST_NONE }, { SYS_getsockname, TEST_NONE },
	{ SYS_umask, TEST_NONE },
	{ SYS_clone3, TEST_ENOSYS },
#ifdef SYS_poll
	{ SYS_poll, TEST_NONE }, { SYS_epoll_wait, TEST_NONE }, { SYS_select, TEST_NONE },
	{ SYS_time, TEST_NONE }, { SYS_getrlimit, TEST_NONE }, { SYS_dup2, TEST_NONE },
	{ SYS_alarm, TEST_NONE }, { SYS_pipe, TEST_NONE },
#endif
};
GROUP(base);

/* A second, tighter confinement after log-in. */
static const struct sandbox_call confine_calls[] = {
	{ SYS_seccomp, TEST_NONE }, { 444 /* landlock_create_ruleset */, TEST_NONE },
	{ 445 /* landlock_add_rule */, TEST_NONE }, { 446 /* landlock_restrict_self */, TEST_NONE },
};
GROUP(confine);

/* Content of descriptors that the process holds already. */
static const struct sandbox_call content_calls[] = {
	{ SYS_pread64, TEST_NONE }, { SYS_pwrite64, TEST_NONE }, { SYS_pwritev, TEST_NONE },
	{ SYS_preadv, TEST_NONE }, { SYS_ftruncate, TEST_NONE }, { SYS_fallocate, TEST_NONE },
	{ SYS_fsync, TEST_NONE }, { SYS_fdatasync, TEST_NONE }, { SYS_fadvise64, TEST_NONE },
	{ SYS_sync_file_range, TEST_NONE },
};
GROUP(content);

/*
 * What changes a socket for all who share it.  Sessions hold the listening
 * sockets: whoever shuts one down, connects it to nowhere, shortens its queue,
 * puts a filter on it or makes it block closes the port for all.
 */
static const struct sandbox_call sockets_calls[] = {
	{ SYS_shutdown, TEST_NONE }, { SYS_listen, TEST_NONE }, { SYS_setsockopt, TEST_NONE },
	{ SYS_fcntl, TEST_FCNTL_FLAGS },
};
GROUP(sockets);

/* Reading a descriptor that was passed. */
static const struct sandbox_call given_calls[] = { { SYS_pread64, TEST_NONE } };
GROUP(given);

static const struct sandbox_call read_calls[] = {
	{ SYS_openat, TEST_OPEN_READ }, { SYS_pread64, TEST_NONE }, { SYS_getdents64, TEST_NONE },
	{ SYS_statx, TEST_NONE }, { SYS_fstatfs, TEST_NONE }, { SYS_faccessat, TEST_NONE },
	{ SYS_readlinkat, TEST_NONE }, { SYS_fadvise64, TEST_NONE }, { SYS_getcwd, TEST_NONE },
#ifdef SYS_readlink
	{ SYS_readlink, TEST_NONE }, { SYS_access, TEST_NONE }, { SYS_stat, TEST_NONE },
	{ SYS_lstat, TEST_NONE },
#endif
};
GROUP(read);

/* openat2 passes its flags by pointer, so it stands with the writers. */
static const struct sandbox_call files_calls[] = {
	{ SYS_openat, TEST_NONE }, { SYS_openat2, TEST_NONE }, { SYS_fcntl, TEST_FCNTL_FILE },
	{ SYS_flock, TEST_NONE }, { SYS_unlinkat, TEST_NONE }, { SYS_renameat2, TEST_NONE },
	{ SYS_linkat, TEST_NONE }, { SYS_mkdirat, TEST_NONE }, { SYS_utimensat, TEST_NONE },
	{ SYS_copy_file_range, TEST_NONE }, { SYS_sendfile, TEST_NONE },
	{ SYS_sync_file_range, TEST_NONE },
#ifdef SYS_renameat
	{ SYS_renameat, TEST_NONE },
#endif
};
GROUP(files);

/* Berkeley DB uses the old names of the calls, locks, and maps of its own files. */
static const struct sandbox_call database_calls[] = {
	{ SYS_mmap, TEST_MAP_SHARED }, { SYS_msync, TEST_NONE },
#ifdef SYS_open
	{ SYS_open, TEST_NONE }, { SYS_unlink, TEST_NONE }, { SYS_rename, TEST_NONE },
	{ SYS_mkdir, TEST_NONE }, { SYS_rmdir, TEST_NONE },
#endif
};
GROUP(database);

/* To the mailbox after log-in, and to a directory that is to be watched. */
static const struct sandbox_call fchdir_calls[] = { { SYS_fchdir, TEST_NONE } };
GROUP(fchdir);

static const struct sandbox_call watch_calls[] = {
	{ SYS_inotify_init1, TEST_NONE }, { SYS_inotify_add_watch, TEST_NONE },
	{ SYS_inotify_rm_watch, TEST_NONE },
};
GROUP(watch);

static const struct sandbox_call local_calls[] = {
	{ SYS_socket, TEST_SOCKET_UNIX }, { SYS_connect, TEST_NONE },
	{ SYS_socketpair, TEST_SOCKET_UNIX },
};
GROUP(local);

static const struct sandbox_call inet_calls[] = {
	{ SYS_socket, TEST_SOCKET_INET }, { SYS_connect, TEST_NONE }, { SYS_bind, TEST_NONE },
	{ SYS_sendmmsg, TEST_NONE }, { SYS_recvmmsg, TEST_NONE },
};
GROUP(inet);

/* Connections outward, by who may connect to Unix sockets anyway. */
static const struct sandbox_call outward_calls[] = { { SYS_socket, TEST_SOCKET_INET } };
GROUP(outward);

/* A connection ends with our last word (stream_end). */
static const struct sandbox_call end_calls[] = { { SYS_shutdown, TEST_SHUT_WRITE } };
GROUP(end);

/* Connections come, and end. */
static const struct sandbox_call accept_calls[] = {
	{ SYS_accept4, TEST_NONE }, { SYS_accept, TEST_NONE }, { SYS_shutdown, TEST_SHUT_WRITE },
};
GROUP(accept);

/* A thread asks for its own affinity by its own number, which no test knows. */
static const struct sandbox_call thread_calls[] = {
	{ SYS_clone, TEST_THREAD }, { SYS_sched_getaffinity, TEST_NONE },
};
GROUP(thread);

/*
 * Children and signals to them.  kill(2) has no test for "my child": Landlock's
 * signal scope holds it where the kernel has that, the uid everywhere.
 */
static const struct sandbox_call fork_calls[] = {
	{ SYS_clone, TEST_FORK }, { SYS_wait4, TEST_NONE }, { SYS_waitid, TEST_NONE },
	{ SYS_kill, TEST_NONE }, { SYS_tgkill, TEST_NONE },
#ifdef SYS_fork
	{ SYS_fork, TEST_NONE },
#endif
};
GROUP(fork);

#define GROUPS(...) (const struct sandbox_group *const[]){ &base_group, __VA_ARGS__, NULL }

static const struct sandbox_group *const *const roles[SANDBOX_ROLES] = {
	[SANDBOX_LISTENER] = GROUPS(&sockets_group, &confine_group, &content_group, &read_group, &files_group,
		&fchdir_group, &watch_group, &local_group,
		&accept_group, &fork_group),
	[SANDBOX_CONNECTOR] = GROUPS(&sockets_group, &confine_group, &content_group, &read_group, &files_group,
		&fchdir_group, &watch_group, &local_group, &outward_group,
		&accept_group, &fork_group),
	[SANDBOX_LOGIN] = GROUPS(&confine_group, &accept_group, &content_group, &read_group,
		&files_group, &fchdir_group),
	[SANDBOX_MAILBOX] = GROUPS(&content_group, &read_group, &files_group, &end_group),
	[SANDBOX_SMTP] = GROUPS(&content_group, &accept_group),
	[SANDBOX_INTAKE] = GROUPS(&sockets_group, &content_group, &read_group, &files_group, &accept_group,
		&local_group),
	[SANDBOX_SCHEDULE] = GROUPS(&sockets_group, &confine_group, &content_group, &read_group, &files_group,
		&accept_group, &local_group, &fork_group),
	[SANDBOX_DELIVER] = GROUPS(&sockets_group, &content_group, &read_group, &files_group, &accept_group,
		&local_group, &fork_group),
	[SANDBOX_DIRECTORY] = GROUPS(&sockets_group, &content_group, &read_group, &files_group, &database_group,
		&accept_group, &local_group, &thread_group),
	[SANDBOX_DATABASE] = GROUPS(&sockets_group, &content_group, &read_group, &files_group, &database_group,
		&accept_group, &local_group, &thread_group),
	[SANDBOX_NURSERY] = GROUPS(&confine_group, &given_group, &fork_group),
	[SANDBOX_HASH] = GROUPS(&given_group),
	[SANDBOX_RESOLVER] = GROUPS(&sockets_group, &confine_group, &inet_group, &local_group, &accept_group,
		&content_group, &fork_group),
	[SANDBOX_SENDER] = GROUPS(&sockets_group, &confine_group, &inet_group, &local_group, &accept_group,
		&content_group, &read_group, &files_group, &fork_group),
	[SANDBOX_SEND] = GROUPS(&inet_group, &content_group),
	[SANDBOX_LOG] = GROUPS(&sockets_group, &content_group, &read_group, &files_group, &accept_group,
		&local_group),
	[SANDBOX_SETTINGS] = GROUPS(&read_group),
};

static const char *const names[SANDBOX_ROLES] = {
	[SANDBOX_LISTENER] = "listener",
	[SANDBOX_CONNECTOR] = "connector",
	[SANDBOX_LOGIN] = "login",
	[SANDBOX_MAILBOX] = "mailbox",
	[SANDBOX_SMTP] = "smtp",
	[SANDBOX_INTAKE] = "intake",
	[SANDBOX_SCHEDULE] = "schedule",
	[SANDBOX_DELIVER] = "deliver",
	[SANDBOX_DIRECTORY] = "directory",
	[SANDBOX_DATABASE] = "database",
	[SANDBOX_NURSERY] = "nursery",
	[SANDBOX_HASH] = "hash",
	[SANDBOX_RESOLVER] = "resolver",
	[SANDBOX_SENDER] = "sender",
	[SANDBOX_SEND] = "send",
	[SANDBOX_LOG] = "log",
	[SANDBOX_SETTINGS] = "settings",
};

const struct sandbox_group *const *
sandbox_role_groups(enum sandbox_role role)
{
	if (role >= SANDBOX_ROLES)
		bug("sandbox: no role %d", (int)role);
	return roles[role];
}

const char *
sandbox_role_name(enum sandbox_role role)
{
	return role < SANDBOX_ROLES ? names[role] : "none";
}

enum sandbox_role
sandbox_role_named(struct span name)
{
	int i = 0;

	while (i < SANDBOX_ROLES && !span_is(name, names[i]))
		i++;
	return (enum sandbox_role)i;
}

/* True when arguments that pass `inner` pass `outer`. */
static bool
test_covers(enum sandbox_test outer, enum sandbox_test inner)
{
	return outer == inner || outer == TEST_NONE ||
	    (outer == TEST_MAP_SHARED && inner == TEST_MAP_PRIVATE) ||
	    (outer == TEST_FORK && inner == TEST_THREAD) ||
	    (outer == TEST_FCNTL_FLAGS && inner == TEST_FCNTL);
}

static bool
role_allows(enum sandbox_role role, const struct sandbox_call *call)
{
	for (const struct sandbox_group *const *g = roles[role]; *g != NULL; g++)
		for (size_t i = 0; i < (*g)->count; i++)
			if ((*g)->calls[i].nr == call->nr && test_covers((*g)->calls[i].test, call->test))
				return true;
	return false;
}

bool
sandbox_role_covers(enum sandbox_role outer, enum sandbox_role inner)
{
	for (const struct sandbox_group *const *g = roles[inner]; *g != NULL; g++)
		for (size_t i = 0; i < (*g)->count; i++)
			if (!role_allows(outer, &(*g)->calls[i]))
				return false;
	return true;
}
