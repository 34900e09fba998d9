/*
 * sandbox_paths: which places in the file system a process may reach, by
 * Landlock; see sandbox.h.
 *
 * The header of the system may be older than the kernel, so the constants and
 * the structures stand here, and the version of the kernel decides what is
 * used.  A right that the kernel does not know is not asked for: then uid,
 * chroot and seccomp hold alone.
 */
#include "base/base.h"
#include "sys/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/die.h"

#define CALL_CREATE_RULESET 444
#define CALL_ADD_RULE 445
#define CALL_RESTRICT_SELF 446
#define ASK_VERSION 1U
#define RULE_PATH_BENEATH 1

#define FS_EXECUTE (1ULL << 0)
#define FS_WRITE_FILE (1ULL << 1)
#define FS_READ_FILE (1ULL << 2)
#define FS_READ_DIR (1ULL << 3)
#define FS_REMOVE_DIR (1ULL << 4)
#define FS_REMOVE_FILE (1ULL << 5)
#define FS_MAKE_DIR (1ULL << 7)
#define FS_MAKE_REG (1ULL << 8)
#define FS_MAKE_SOCK (1ULL << 9)
#define FS_REFER (1ULL << 13)		/* ABI 2 */
#define FS_TRUNCATE (1ULL << 14)	/* ABI 3 */
#define FS_IOCTL_DEV (1ULL << 15)	/* ABI 5 */
#define NET_BIND_TCP (1ULL << 0)	/* ABI 4 */
#define NET_CONNECT_TCP (1ULL << 1)
#define SCOPE_ABSTRACT_SOCKET (1ULL << 0)	/* ABI 6 */
#define SCOPE_SIGNAL (1ULL << 1)

#define FS_OF_A_FILE (FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV)

struct ruleset_attr {
	uint64_t handled_access_fs;
	uint64_t handled_access_net;
	uint64_t scoped;
};

struct path_beneath_attr {
	uint64_t allowed_access;
	int32_t parent_fd;
} __attribute__((packed));

int
sandbox_landlock_abi(void)
{
	long abi = syscall(CALL_CREATE_RULESET, NULL, (size_t)0, ASK_VERSION);

	return abi > 0 ? (int)abi : 0;
}

/* All rights on files that this version of the kernel can refuse. */
static uint64_t
known_rights(int abi)
{
	uint64_t first = FS_REFER - 1;

	if (abi >= 5)
		return first | FS_REFER | FS_TRUNCATE | FS_IOCTL_DEV;
	if (abi >= 3)
		return first | FS_REFER | FS_TRUNCATE;
	return abi >= 2 ? first | FS_REFER : first;
}

static size_t
attr_size(int abi)
{
	if (abi >= 6)
		return sizeof(struct ruleset_attr);
	return abi >= 4 ? offsetof(struct ruleset_attr, scoped) :
		offsetof(struct ruleset_attr, handled_access_net);
}

void
sandbox_paths_begin(struct sandbox_paths *p, bool tcp)
{
	struct ruleset_attr a = { .scoped = SCOPE_ABSTRACT_SOCKET | SCOPE_SIGNAL };
	long fd;

	*p = (struct sandbox_paths){ .ruleset = -1, .abi = sandbox_landlock_abi() };
	if (p->abi == 0)
		return;
	a.handled_access_fs = known_rights(p->abi);
	a.handled_access_net = tcp ? 0 : NET_BIND_TCP | NET_CONNECT_TCP;
	fd = syscall(CALL_CREATE_RULESET, &a, attr_size(p->abi), 0U);
	if (fd < 0)
		die(EXIT_NO_RIGHT, "event=sandbox state=no-ruleset error=\"%s\"", strerror(errno));
	p->ruleset = (int)fd;
}

void
sandbox_scope(bool tcp)
{
	struct ruleset_attr a = { .handled_access_fs = FS_REFER,
		.handled_access_net = tcp ? 0 : NET_BIND_TCP | NET_CONNECT_TCP, .scoped = SCOPE_SIGNAL };
	struct path_beneath_attr everywhere = { .allowed_access = FS_REFER };
	long fd;

	if (sandbox_landlock_abi() < 6)
		return;
	fd = syscall(CALL_CREATE_RULESET, &a, sizeof(a), 0U);
	everywhere.parent_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || everywhere.parent_fd < 0 ||
	    syscall(CALL_ADD_RULE, (int)fd, RULE_PATH_BENEATH, &everywhere, 0U) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    syscall(CALL_RESTRICT_SELF, (int)fd, 0U) < 0)
		die(EXIT_NO_RIGHT, "event=sandbox state=no-scope error=\"%s\"", strerror(errno));
	close(everywhere.parent_fd);
	close((int)fd);
}

static uint64_t
access_of(unsigned rights)
{
	uint64_t access = 0;

	if (rights & SANDBOX_READ)
		access |= FS_READ_FILE | FS_READ_DIR;
	if (rights & SANDBOX_WRITE)
		access |= FS_WRITE_FILE | FS_MAKE_REG | FS_REMOVE_FILE | FS_TRUNCATE;
	if (rights & SANDBOX_REFER)
		access |= FS_REFER;
	if (rights & SANDBOX_MKDIR)
		access |= FS_MAKE_DIR | FS_REMOVE_DIR;
	if (rights & SANDBOX_SOCKET)
		access |= FS_MAKE_SOCK | FS_REMOVE_FILE;
	return access;
}

void
sandbox_paths_allow(struct sandbox_paths *p, int fd, unsigned rights)
{
	struct path_beneath_attr rule = { .parent_fd = fd };
	struct stat st;

	if (rights & SANDBOX_REFER)
		p->refer = true;
	if (p->ruleset < 0)
		return;
	rule.allowed_access = access_of(rights) & known_rights(p->abi);
	if (fstat(fd, &st) < 0)
		die(EXIT_NO_RIGHT, "event=sandbox state=no-path error=\"%s\"", strerror(errno));
	if (!S_ISDIR(st.st_mode))
		rule.allowed_access &= FS_OF_A_FILE;
	if (syscall(CALL_ADD_RULE, p->ruleset, RULE_PATH_BENEATH, &rule, 0U) < 0)
		die(EXIT_NO_RIGHT, "event=sandbox state=no-rule error=\"%s\"", strerror(errno));
}

bool
sandbox_paths_apply(struct sandbox_paths *p)
{
	bool usable = p->ruleset >= 0 && !(p->refer && p->abi < 2);

	if (usable && syscall(CALL_RESTRICT_SELF, p->ruleset, 0U) < 0)
		die(EXIT_NO_RIGHT, "event=sandbox state=no-landlock error=\"%s\"", strerror(errno));
	if (p->ruleset >= 0)
		close(p->ruleset);
	p->ruleset = -1;
	return usable;
}
