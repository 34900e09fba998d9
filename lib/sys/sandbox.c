/*
 * sandbox: limits of a process and its seccomp filter; see sandbox.h.
 *
 * The filter is a straight list: for each allowed call a comparison of its
 * number, then of its arguments where a test asks for it.  The kernel keeps a
 * bitmap of calls allowed whatever their arguments, so that length does not
 * cost time.  Arguments are compared in their low 32 bits, as the kernel
 * itself reads those that are tested here (int, or flags below 2^32).
 */
#include "base/base.h"
#include "sys/sandbox.h"

#include <errno.h>
#include <signal.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>

#include "base/die.h"
#include "sys/sandbox_roles.h"

#if defined(__x86_64__)
#define MY_ARCH AUDIT_ARCH_X86_64
#define X32_BIT 0x40000000U
#elif defined(__aarch64__)
#define MY_ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define MY_ARCH AUDIT_ARCH_RISCV64
#else
#error "sandbox: tell this file the audit name of the architecture"
#endif

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif

#define CODE_MAX 2048
#define SELF_MAX 16

static enum sandbox_action on_breach = SANDBOX_KILL;

#ifdef PB_SANITIZE
static bool is_confined;

/* Looking for leaks at exit needs ptrace, which no role has. */
int __lsan_is_turned_off(void);
int
__lsan_is_turned_off(void)
{
	return is_confined;
}
#endif

struct code {
	struct sock_filter at[CODE_MAX];
	unsigned n;
	unsigned self[SELF_MAX];	/* comparisons with the pid of who installs the filter */
	unsigned self_count;
};

static void
emit(struct code *c, struct sock_filter op)
{
	if (c->n == CODE_MAX)
		bug("sandbox: filter too long");
	c->at[c->n++] = op;
}

static void
load(struct code *c, size_t offset)
{
	emit(c, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

static void
load_number(struct code *c)
{
	load(c, offsetof(struct seccomp_data, nr));
}

static void
load_arg(struct code *c, int arg)
{
	size_t low = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0;

	load(c, offsetof(struct seccomp_data, args) + (size_t)arg * 8 + low);
}

static void
allow(struct code *c)
{
	emit(c, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
}

/* Allow when the loaded argument equals one of the values. */
static void
allow_if_in(struct code *c, int arg, const uint32_t *values, size_t n)
{
	load_arg(c, arg);
	for (size_t i = 0; i < n; i++) {
		emit(c, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, values[i], 0, 1));
		allow(c);
	}
}
#define ALLOW_IF_IN(c, arg, ...) \
	allow_if_in(c, arg, (const uint32_t[]){ __VA_ARGS__ }, \
		PB_COUNT(((const uint32_t[]){ __VA_ARGS__ })))

/* Allow when the first argument is 0 or our pid, which is put in by whoever installs the filter. */
static void
allow_if_self(struct code *c)
{
	if (c->self_count == SELF_MAX)
		bug("sandbox: too many tests for the own pid");
	ALLOW_IF_IN(c, 0, 0, 0);
	c->self[c->self_count++] = c->n - 2;
}

/* Allow when no bit of mask is set in the argument. */
static void
allow_if_clear(struct code *c, int arg, uint32_t mask)
{
	load_arg(c, arg);
	emit(c, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, mask, 1, 0));
	allow(c);
}

/* Allow when (argument & mask) == value. */
static void
allow_if_masked(struct code *c, int arg, uint32_t mask, uint32_t value)
{
	load_arg(c, arg);
	emit(c, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, mask));
	emit(c, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1));
	allow(c);
}

/* mmap: never executable; a shared mapping of a file only if told so. */
static void
allow_map(struct code *c, bool shared_files)
{
	if (shared_files) {
		allow_if_clear(c, 2, PROT_EXEC);
		return;
	}
	load_arg(c, 2);
	emit(c, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 5, 0));
	load_arg(c, 3);
	emit(c, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, MAP_ANONYMOUS, 0, 1));
	allow(c);
	emit(c, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, MAP_SHARED, 1, 0));
	allow(c);
}

/* prctl: names and what only ever takes rights away. */
static void
allow_prctl(struct code *c)
{
	ALLOW_IF_IN(c, 0, PR_SET_NAME, PR_SET_VMA, PR_SET_NO_NEW_PRIVS, PR_GET_NO_NEW_PRIVS,
		PR_SET_PDEATHSIG, PR_GET_DUMPABLE, PR_GET_SECCOMP);
	emit(c, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PR_SET_DUMPABLE, 0, 3));
	ALLOW_IF_IN(c, 1, 0);
}

/* fcntl: F_SETFL only with O_NONBLOCK among the flags, since a listening socket is shared. */
static void
allow_fcntl(struct code *c)
{
	ALLOW_IF_IN(c, 1, F_GETFD, F_SETFD, F_GETFL, F_DUPFD, F_DUPFD_CLOEXEC);
	emit(c, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, F_SETFL, 0, 4));
	allow_if_masked(c, 2, O_NONBLOCK | O_ASYNC, O_NONBLOCK);
}

#define NAMESPACES (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | \
	CLONE_NEWPID | CLONE_NEWNET | CLONE_PTRACE | CLONE_PARENT)

static void
emit_test(struct code *c, enum sandbox_test test)
{
	switch (test) {
	case TEST_NONE:
		allow(c);
		break;
	case TEST_SELF:
		allow_if_self(c);
		break;
	case TEST_MAP_PRIVATE:
	case TEST_MAP_SHARED:
		allow_map(c, test == TEST_MAP_SHARED);
		break;
	case TEST_PROTECT:
		allow_if_clear(c, 2, PROT_EXEC);
		break;
	case TEST_THREAD:
		allow_if_masked(c, 0, CLONE_VM | CLONE_THREAD | NAMESPACES, CLONE_VM | CLONE_THREAD);
		break;
	case TEST_FORK:
		allow_if_clear(c, 0, NAMESPACES);
		break;
	case TEST_SOCKET_UNIX:
		ALLOW_IF_IN(c, 0, AF_UNIX);
		break;
	case TEST_SOCKET_INET:
		ALLOW_IF_IN(c, 0, AF_INET, AF_INET6);
		break;
	case TEST_OPEN_READ:
		allow_if_clear(c, 2, O_ACCMODE | O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY));
		break;
	case TEST_FCNTL:
		allow_fcntl(c);
		break;
	case TEST_FCNTL_FLAGS:
		ALLOW_IF_IN(c, 1, F_SETFL);
		break;
	case TEST_FCNTL_FILE:
		ALLOW_IF_IN(c, 1, F_GETLK, F_SETLK, F_SETLKW, F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW,
			F_SETLEASE, F_GETLEASE);
		break;
	case TEST_SHUT_WRITE:
		ALLOW_IF_IN(c, 1, SHUT_WR);
		break;
	case TEST_IOCTL:
		ALLOW_IF_IN(c, 1, FIONREAD, TCGETS);
		break;
	case TEST_PRCTL:
		allow_prctl(c);
		break;
	case TEST_ENOSYS:
	default:
		emit(c, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS));
		break;
	}
}

/* If the call is nr: its test; when that does not allow, go on with the next. */
static void
emit_call(struct code *c, const struct sandbox_call *call)
{
	unsigned jump = c->n, length;

	emit(c, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call->nr, 0, 0));
	emit_test(c, call->test);
	if (call->test != TEST_NONE && call->test != TEST_ENOSYS)
		load_number(c);
	length = c->n - jump - 1;
	if (length > UINT8_MAX)
		bug("sandbox: test too long");
	c->at[jump].jf = (uint8_t)length;
}

static uint32_t
breach(void)
{
	return on_breach == SANDBOX_KILL ? SECCOMP_RET_KILL_PROCESS : SECCOMP_RET_ERRNO | EPERM;
}

static void
compile(struct code *c, enum sandbox_role role)
{
	load(c, offsetof(struct seccomp_data, arch));
	emit(c, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MY_ARCH, 1, 0));
	emit(c, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
	load_number(c);
#ifdef X32_BIT
	emit(c, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1));
	emit(c, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, breach()));
#endif
	for (const struct sandbox_group *const *g = sandbox_role_groups(role); *g != NULL; g++)
		for (size_t i = 0; i < (*g)->count; i++)
			emit_call(c, &(*g)->calls[i]);
	emit(c, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, breach()));
}

/* The last filter that was compiled: workers share it with the parent that made it. */
static struct code ready;
static enum sandbox_role ready_role = SANDBOX_ROLES;

void
sandbox_set_action(enum sandbox_action action)
{
	on_breach = action;
	ready_role = SANDBOX_ROLES;
}

void
sandbox_warm_up(enum sandbox_role role)
{
	ready.n = ready.self_count = 0;
	compile(&ready, role);
	ready_role = role;
}

void
sandbox_seccomp(enum sandbox_role role)
{
	struct sock_fprog program = { .filter = ready.at };
	unsigned flags = SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_LOG;

	if (ready_role != role)
		sandbox_warm_up(role);
	/* Never the pid of the parent that compiled it. */
	for (unsigned i = 0; i < ready.self_count; i++)
		ready.at[ready.self[i]].k = (uint32_t)getpid();
	program.len = (unsigned short)ready.n;
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program) != 0)
		die(EXIT_NO_RIGHT, "event=sandbox state=no-seccomp role=%s error=\"%s\"",
			sandbox_role_name(role), strerror(errno));
#ifdef PB_SANITIZE
	is_confined = true;
#endif
}

/* Lower a limit; one that is lower already stays. */
static void
limit(int resource, uint64_t value)
{
	struct rlimit r;

	if (value == 0 || getrlimit((__rlimit_resource_t)resource, &r) < 0)
		return;
	if (r.rlim_max != RLIM_INFINITY && r.rlim_max < value)
		value = r.rlim_max;
	r.rlim_cur = r.rlim_max = value;
	if (setrlimit((__rlimit_resource_t)resource, &r) < 0)
		die(EXIT_NO_RIGHT, "event=sandbox state=no-limit resource=%d error=\"%s\"", resource,
			strerror(errno));
}

void
sandbox_prepare(const struct sandbox_limits *limits)
{
	struct rlimit none = { 0, 0 };

	umask(077);
#ifndef PB_SANITIZE
	limit(RLIMIT_AS, limits->memory);
#endif
	limit(RLIMIT_CPU, limits->cpu_s);
	limit(RLIMIT_NOFILE, limits->files);
	limit(RLIMIT_FSIZE, limits->file_bytes);
	signal(SIGXFSZ, SIG_IGN);
	if (setrlimit(RLIMIT_CORE, &none) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		die(EXIT_NO_RIGHT, "event=sandbox state=not-prepared error=\"%s\"", strerror(errno));
}
