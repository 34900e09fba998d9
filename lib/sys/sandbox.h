/*
 * sandbox: what a process may still do, by the kernel's word.
 *
 * Order in a process: sandbox_scope, chroot and change of uid if any,
 * sandbox_prepare, then the paths (Landlock), then sandbox_seccomp.  All of them hold for children too and cannot be undone; a
 * child may add its own, tighter ones.  So a parent's role must allow what
 * its children's roles allow: sandbox_role_covers says so and a test walks
 * the pairs that occur.
 *
 * Two stages: a worker before log-in runs as SANDBOX_LOGIN, which still
 * allows the calls of Landlock and seccomp; after log-in it makes the mailbox
 * descriptor its only rule and takes SANDBOX_MAILBOX.
 *
 * A breach ends the process (SIGSYS) or, with SANDBOX_REFUSE, fails with
 * EPERM and a line in the kernel's audit log.
 */
#ifndef SYS_SANDBOX_H
#define SYS_SANDBOX_H

#include "base/base.h"
#include "base/span.h"

/* One per kind of process.  The calls of each stand in sandbox_roles.c. */
enum sandbox_role {
	SANDBOX_LISTENER,	/* parent of a pre-forked pool: accept, fork, signals to children, inotify */
	SANDBOX_CONNECTOR,	/* the same, where it also connects to other hosts for its workers */
	SANDBOX_LOGIN,		/* pop3 or imap worker before log-in: its sockets, nothing else */
	SANDBOX_MAILBOX,	/* the same after log-in: files below one Maildir */
	SANDBOX_SMTP,		/* smtp-listen worker: descriptors it was given or accepts, none of its own making */
	SANDBOX_INTAKE,		/* spool: create, rename, unlink */
	SANDBOX_SCHEDULE,	/* spool: read, append, unlink; forks sync helpers */
	SANDBOX_DELIVER,	/* spool and store: link, rename, sync */
	SANDBOX_DIRECTORY,	/* auth-check: database, read settings, open Maildirs O_PATH, helpers */
	SANDBOX_DATABASE,	/* abuse-check, greylist-check: one private database, threads */
	SANDBOX_NURSERY,	/* auth-check's keeper of helpers: fork, wait, its sockets */
	SANDBOX_HASH,		/* auth-check's password and parsing helpers: one socket */
	SANDBOX_RESOLVER,	/* scan-check: DNS, threads, fork, Unix sockets */
	SANDBOX_SENDER,		/* remote-send parent: the same, and files of its own folder */
	SANDBOX_SEND,		/* remote-send agent: inet sockets out */
	SANDBOX_LOG,		/* event-log: append to log files */
	SANDBOX_SETTINGS,	/* mail-master's XML child: read files, write to a pipe */
	SANDBOX_ROLES
};

const char *sandbox_role_name(enum sandbox_role role);
/* The role of that name, SANDBOX_ROLES when there is none. */
enum sandbox_role sandbox_role_named(struct span name);
/* True when every call that `inner` allows is allowed by `outer` too. */
bool sandbox_role_covers(enum sandbox_role outer, enum sandbox_role inner);

/*
 * Limits of a process; 0 leaves one as it is.  Missing rights to set one are
 * not an error: the lower limit of the system stays.
 */
struct sandbox_limits {
	uint64_t memory;	/* bytes of address space; not set in sanitizer builds */
	uint64_t cpu_s;		/* seconds of processor time */
	uint64_t files;		/* descriptors */
	uint64_t file_bytes;	/* largest file written; more is EFBIG, not SIGXFSZ */
};

/* umask 077, no core files, limits, no_new_privs, not dumpable (so not traceable). Dies on failure. */
void sandbox_prepare(const struct sandbox_limits *limits);

enum sandbox_action { SANDBOX_KILL, SANDBOX_REFUSE };
/* What a breach does in filters installed from now on; SANDBOX_KILL at start. */
void sandbox_set_action(enum sandbox_action action);

/* Install the filter of the role on this process (all its threads).  Dies on failure. */
void sandbox_seccomp(enum sandbox_role role);

/*
 * Compile that filter now, in a parent, so that its children need neither the
 * time nor memory of their own for it.  Only the last one is kept.
 */
void sandbox_warm_up(enum sandbox_role role);

/*
 * Rights below a directory.  Where files are linked or renamed from one
 * directory to another, both need the same rights, SANDBOX_REFER among them,
 * else the kernel says EXDEV.
 */
enum sandbox_right {
	SANDBOX_READ = 1,	/* open files and list directories for reading */
	SANDBOX_WRITE = 2,	/* write, truncate, create and remove regular files */
	SANDBOX_REFER = 4,	/* link and rename across directories */
	SANDBOX_MKDIR = 8,	/* create and remove directories */
	SANDBOX_SOCKET = 16	/* create and remove Unix sockets */
};

struct sandbox_paths {
	int ruleset;		/* -1: Landlock is not available, rules are ignored */
	int abi;
	bool refer;		/* some rule has SANDBOX_REFER */
};

/*
 * No signals to others than this process and its children, where the kernel
 * can (ABI 6); and without `tcp` no connection of its own making: the socket of a
 * client could be disconnected and connected elsewhere.  Sets no_new_privs.  Call it before chroot: any ruleset must
 * grant the linking of files across directories, and does so from "/" down.
 */
void sandbox_scope(bool tcp);

/* The version of Landlock, 0 when the kernel has none. */
int sandbox_landlock_abi(void);

/*
 * Begin, allow any number, apply.  From apply on every path outside the rules
 * is refused, and so are signals and abstract sockets beyond this process and
 * its children where the kernel can (ABI 6), and TCP bind and connect (ABI 4)
 * unless the role of the process has inet sockets (tcp).
 *
 * Without Landlock, or when a right is SANDBOX_REFER and the kernel has ABI 1,
 * apply restricts nothing and returns false: the caller logs one warning and
 * goes on, confined by uid, chroot and seccomp.  Other failures end the process.
 */
void sandbox_paths_begin(struct sandbox_paths *p, bool tcp);
void sandbox_paths_allow(struct sandbox_paths *p, int fd, unsigned rights);
bool sandbox_paths_apply(struct sandbox_paths *p);

#endif
