/*
 * forbidden_acts: see forbidden_acts.h.  Each function tries one act by the
 * plainest system call and says whether the kernel let it.
 */
#include "base/base.h"
#include "forbidden_acts.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <linux/filter.h>
#include <linux/userfaultfd.h>
#include <sched.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#define ACT(name) static int name(PB_UNUSED const struct scene *s)

static int
opened(int fd)
{
	return fd >= 0 ? 0 : -1;
}

ACT(run_program)
{
	char *const argv[] = { (char *)(uintptr_t)"true", NULL };

	execve("/bin/true", argv, argv + 1);
	execve("/proc/self/exe", argv, argv + 1);
	return -1;
}

ACT(trace_me) { return (int)ptrace(PTRACE_TRACEME, 0, NULL, NULL); }
ACT(trace_other) { return (int)ptrace(PTRACE_SEIZE, s->other, NULL, NULL); }
ACT(signal_other) { return kill(s->other, SIGWINCH); }

ACT(limit_other)
{
	struct rlimit r;

	return prlimit(s->other, RLIMIT_NOFILE, NULL, &r);
}

ACT(read_memory_of_other)
{
	char c;
	struct iovec here = { &c, 1 }, there = { (void *)(uintptr_t)&acts, 1 };

	return process_vm_readv(s->other, &here, 1, &there, 1, 0) == 1 ? 0 : -1;
}

ACT(take_descriptor_of_other)
{
	int pid = (int)syscall(434 /* pidfd_open */, s->other, 0);

	return pid < 0 ? -1 : opened((int)syscall(438 /* pidfd_getfd */, pid, 0, 0));
}

ACT(change_mode) { return fchmod(s->file_fd, 0666); }
ACT(change_mode_by_path) { return chmod(s->foreign, 0666); }
ACT(change_owner) { return fchown(s->file_fd, getuid(), getgid()); }
ACT(set_xattr) { return fsetxattr(s->file_fd, "user.x", "y", 1, 0); }
ACT(read_foreign) { return opened(open(s->foreign, O_RDONLY | O_CLOEXEC)); }
ACT(read_neighbour) { return opened(open("../other/mail", O_RDONLY | O_CLOEXEC)); }
ACT(list_neighbour) { return opened(open("../other", O_RDONLY | O_DIRECTORY | O_CLOEXEC)); }
ACT(link_neighbour) { return linkat(AT_FDCWD, "../other/mail", AT_FDCWD, "forbidden-mail", 0); }

ACT(write_to_neighbour)
{
	return opened(open("../other/forbidden", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

ACT(move_by_descriptor) { return fchdir(s->home_fd); }
ACT(read_passwd) { return opened(open("/etc/passwd", O_RDONLY | O_CLOEXEC)); }
ACT(read_proc) { return opened(open("/proc/1/stat", O_RDONLY | O_CLOEXEC)); }
ACT(write_foreign) { return opened(open(s->foreign, O_WRONLY | O_CLOEXEC)); }

ACT(create_foreign)
{
	char path[200];

	snprintf(path, sizeof(path), "%s.new", s->foreign);
	return opened(open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
}

ACT(list_root) { return opened(open("/etc", O_RDONLY | O_DIRECTORY | O_CLOEXEC)); }

ACT(leave_by_openat2)
{
	uint64_t how[3] = { O_RDONLY | O_CLOEXEC, 0, 0 };

	return opened((int)syscall(437 /* openat2 */, AT_FDCWD, s->foreign, how, sizeof(how)));
}

ACT(make_symlink) { return symlink("/etc/passwd", "forbidden-link"); }
ACT(make_device) { return mknod("forbidden-node", S_IFIFO | 0600, 0); }
ACT(link_foreign) { return link(s->foreign, "forbidden-hard-link"); }
ACT(inet_socket) { return opened(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)); }
ACT(inet6_socket) { return opened(socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0)); }
ACT(unix_socket) { return opened(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)); }
ACT(netlink_socket) { return opened(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0)); }

ACT(close_port) { return shutdown(s->listening, SHUT_RDWR); }

ACT(disconnect_port)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };

	return connect(s->listening, &none, sizeof(none));
}

ACT(shorten_queue) { return listen(s->listening, 0); }

ACT(filter_port)
{
	struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog program = { .len = 1, .filter = &nothing };

	return setsockopt(s->listening, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

ACT(starve_port)
{
	int small = 0;

	return setsockopt(s->listening, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
}

ACT(make_port_wait) { return fcntl(s->listening, F_SETFL, 0); }

ACT(make_port_wait_by_ioctl)
{
	int off = 0;

	return ioctl(s->listening, FIONBIO, &off);
}

ACT(connect_client_elsewhere)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = (in_port_t)s->port,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	if (connect(s->client, &none, sizeof(none)) < 0)
		return -1;
	return connect(s->client, (struct sockaddr *)&to, sizeof(to));
}

ACT(connect_as_wrong_uid)
{
	struct sockaddr_un un;
	socklen_t n = sizeof(un);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char c;

	if (fd < 0 || getsockname(s->other_socket, (struct sockaddr *)&un, &n) < 0 ||
	    connect(fd, (struct sockaddr *)&un, n) < 0)
		return -1;
	if (read(fd, &c, 1) == 1)
		return 0;
	errno = EACCES;
	return -1;
}

ACT(watch) { return opened(inotify_init1(IN_CLOEXEC)); }

ACT(fork_child)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid > 0 ? 0 : -1;
}

ACT(new_namespace) { return unshare(CLONE_NEWUSER); }
ACT(become_root) { return setuid(0); }
ACT(change_root) { return chroot("/"); }
ACT(mount_something) { return mount("none", "/mnt", "tmpfs", 0, NULL); }
ACT(load_bpf) { return opened((int)syscall(SYS_bpf, 0, NULL, 0)); }
ACT(use_io_uring) { return opened((int)syscall(425, 8, (char[256]){ 0 })); }
ACT(use_userfaultfd) { return opened((int)syscall(SYS_userfaultfd, UFFD_USER_MODE_ONLY)); }
ACT(use_perf) { return opened((int)syscall(SYS_perf_event_open, (char[128]){ 0 }, 0, -1, -1, 0)); }
ACT(use_keyring) { return (int)syscall(SYS_keyctl, 0, -3, 1) < 0 ? -1 : 0; }
ACT(compare_processes) { return (int)syscall(SYS_kcmp, getpid(), getpid(), 0, 0, 0); }
ACT(change_personality) { return personality(0xffffffff) < 0 ? -1 : 0; }

static int
mapped(void *p)
{
	return p != MAP_FAILED ? 0 : -1;
}

ACT(map_code)
{
	return mapped(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

ACT(make_code)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? -1 : mprotect(p, 4096, PROT_READ | PROT_EXEC);
}

ACT(map_file_shared)
{
	return mapped(mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_SHARED, s->file_fd, 0));
}

ACT(map_file_shared_to_be_widened)
{
	return mapped(mmap(NULL, 1, PROT_READ, MAP_SHARED_VALIDATE, s->file_fd, 0));
}

ACT(signal_by_descriptor)
{
	return fcntl(s->other_socket >= 0 ? s->other_socket : s->file_fd, F_SETOWN, getpid());
}

ACT(type_into_terminal) { return ioctl(0, TIOCSTI, "x"); }
ACT(be_dumpable) { return prctl(PR_SET_DUMPABLE, 1); }

#if defined(__x86_64__)
ACT(x32_call) { return (int)syscall(0x40000000 | SYS_getpid) > 0 ? 0 : -1; }

ACT(old_gate)
{
	int result;

	/* getpid of the 32-bit interface */
	__asm__ volatile("int $0x80" : "=a"(result) : "a"(20) : "memory");
	if (result > 0)
		return 0;
	errno = EPERM;
	return -1;
}
#endif

#define LISTENERS (ROLE(SANDBOX_LISTENER) | ROLE(SANDBOX_CONNECTOR))
#define RESOLVERS (ROLE(SANDBOX_RESOLVER) | ROLE(SANDBOX_SENDER))
#define FORKERS (LISTENERS | ROLE(SANDBOX_SCHEDULE) | RESOLVERS | \
	ROLE(SANDBOX_DELIVER) | ROLE(SANDBOX_NURSERY))
#define SHUTTERS (LISTENERS | ROLE(SANDBOX_INTAKE) | ROLE(SANDBOX_SCHEDULE) | \
	ROLE(SANDBOX_DELIVER) | DATABASES | RESOLVERS | ROLE(SANDBOX_LOG))
#define INET (RESOLVERS | ROLE(SANDBOX_SEND) | ROLE(SANDBOX_CONNECTOR))
#define CONNECTERS (INET | ~NO_UNIX)
#define NO_UNIX (ROLE(SANDBOX_LOGIN) | ROLE(SANDBOX_MAILBOX) | ROLE(SANDBOX_HASH) | \
	ROLE(SANDBOX_SEND) | ROLE(SANDBOX_SETTINGS) | ROLE(SANDBOX_NURSERY) | ROLE(SANDBOX_SMTP))
#define DATABASES (ROLE(SANDBOX_DIRECTORY) | ROLE(SANDBOX_DATABASE))

const struct act acts[] = {
	{ "run a program", run_program, 0, true, false },
	{ "be traced", trace_me, 0, true, false },
	{ "trace another process", trace_other, 0, true, false },
	{ "signal another process", signal_other, 0, true, false },
	{ "read the limits of another process", limit_other, 0, true, false },
	{ "read the memory of another process", read_memory_of_other, 0, true, false },
	{ "take a descriptor of another process", take_descriptor_of_other, 0, true, false },
	{ "change the mode of a file", change_mode, 0, true, false },
	{ "change the mode of a foreign file", change_mode_by_path, 0, true, false },
	{ "change the owner of a file", change_owner, 0, true, false },
	{ "set an extended attribute", set_xattr, 0, false, false },
	{ "read a foreign file", read_foreign, 0, true, false },
	{ "read a neighbour's mail", read_neighbour, 0, true, false },
	{ "list a neighbour's mailbox", list_neighbour, 0, true, false },
	{ "link a neighbour's mail", link_neighbour, 0, true, false },
	{ "write into a neighbour's mailbox", write_to_neighbour, 0, true, false },
	{ "change the working directory", move_by_descriptor, LISTENERS | ROLE(SANDBOX_LOGIN), true, false },
	{ "read /etc/passwd", read_passwd, 0, true, false },
	{ "read /proc", read_proc, 0, true, false },
	{ "write a foreign file", write_foreign, 0, true, false },
	{ "create a file elsewhere", create_foreign, 0, true, false },
	{ "list a foreign directory", list_root, 0, true, false },
	{ "open a foreign file by openat2", leave_by_openat2, 0, true, false },
	{ "make a symbolic link", make_symlink, 0, true, false },
	{ "make a node", make_device, 0, true, false },
	{ "link a foreign file", link_foreign, 0, true, false },
	{ "open an IPv4 socket", inet_socket, INET, true, false },
	{ "open an IPv6 socket", inet6_socket, INET, true, false },
	{ "open a Unix socket", unix_socket, ~NO_UNIX, true, false },
	{ "connect a client's socket elsewhere", connect_client_elsewhere, INET, true, false },
	{ "close a port for all", close_port, SHUTTERS, true, false },
	{ "connect a port to nowhere", disconnect_port, CONNECTERS, true, false },
	{ "shorten the queue of a port", shorten_queue, SHUTTERS, true, false },
	{ "put a filter on a port", filter_port, SHUTTERS, false, false },
	{ "take the memory of a port", starve_port, SHUTTERS, true, false },
	{ "make a port wait", make_port_wait, SHUTTERS, true, false },
	{ "make a port wait by ioctl", make_port_wait_by_ioctl, 0, true, false },
	{ "open a netlink socket", netlink_socket, 0, true, false },
	{ "connect to an owner as the wrong uid", connect_as_wrong_uid, 0, false, true },
	{ "watch files", watch, LISTENERS, true, false },
	{ "fork", fork_child, FORKERS, true, false },
	{ "make a namespace", new_namespace, 0, false, false },
	{ "become root", become_root, 0, false, false },
	{ "change the root directory", change_root, 0, false, false },
	{ "mount", mount_something, 0, false, false },
	{ "load BPF", load_bpf, 0, false, false },
	{ "use io_uring", use_io_uring, 0, false, false },
	{ "use userfaultfd", use_userfaultfd, 0, false, false },
	{ "use perf events", use_perf, 0, false, false },
	{ "use the keyring", use_keyring, 0, false, false },
	{ "compare processes", compare_processes, 0, false, false },
	{ "change the personality", change_personality, 0, true, false },
	{ "map executable memory", map_code, 0, true, false },
	{ "make memory executable", make_code, 0, true, false },
	{ "map a file shared and writable", map_file_shared, DATABASES, true, false },
	{ "map a file shared", map_file_shared_to_be_widened, DATABASES, true, false },
	{ "send signals by a descriptor", signal_by_descriptor, 0, true, false },
	{ "type into the terminal", type_into_terminal, 0, false, false },
	{ "become dumpable again", be_dumpable, 0, true, false },
#if defined(__x86_64__)
	{ "make a call of the x32 interface", x32_call, 0, false, false },
	{ "make a call of the 32-bit interface", old_gate, 0, false, false },
#endif
};
const size_t act_count = PB_COUNT(acts);
