/*
 * service: the skeleton on which every server program stands.
 *
 * Order of use; a step out of order is a bug:
 *
 *	service_init		options, instance, what mail-master handed over
 *	service_settings	this program's own settings
 *	service_warm_up		what libraries load lazily (no rights lost yet)
 *	service_path		places it must reach in the file system, none for a listener
 *	contact_add		milters and the like that its sessions talk to
 *	service_confine		chroot, uid, limits, Landlock
 *	service_owners		whom it asks; connected after the uid change
 *	service_run		listeners: pool of workers, or one session on fd 0/1
 *	service_ready		event-driven programs instead: seccomp, "ready"
 *	service_attach		... and their loop ends when mail-master says so
 *
 * Every step dies with a line that says what is wrong, so callers check none.
 */
#ifndef SERVICE_SERVICE_H
#define SERVICE_SERVICE_H

#include "base/base.h"
#include "config/settings.h"
#include "io/loop.h"
#include "service/contact.h"
#include "service/gate.h"
#include "service/instance.h"
#include "service/log.h"
#include "service/owners.h"
#include "service/pressure.h"
#include "service/programs.h"
#include "service/session.h"
#include "sys/sandbox.h"

#define SERVICE_FDS_MAX 224	/* 64 ports, 65 certificates with their keys, and sockets */
#define SERVICE_FD_NAME_MAX 32
#define SERVICE_USERS_MAX 16

struct tls_server;

/* One descriptor from mail-master: "master", "listen.smtp", "listen.unix.log", "key" ... */
struct service_fd {
	char name[SERVICE_FD_NAME_MAX];
	int fd;
};

/* Size of the pool; set by the program from its settings before service_run. */
struct service_pool {
	unsigned min_spare;		/* idle workers kept; 0 becomes 2 */
	unsigned max_spare;		/* more idle ones than this are ended; 0 becomes 8 */
	unsigned max_total;		/* sessions at a time; 0 becomes 200 */
	unsigned sessions_per_worker;	/* 0 becomes 1: POP3 and IMAP */
	unsigned reserve_percent;	/* of max_total: places that strangers do not get */
};

struct service {
	const char *name;		/* "pop3-serve" */
	const struct program *program;
	const char *mode;		/* "--intake" without the dashes, or "" */
	struct instance instance;
	struct settings *settings;	/* NULL before service_settings; lives as long as the process */
	struct service_pool pool;
	/*
	 * For listeners.  warm: run by service_warm_up.  worker: run in each worker
	 * after fork, uid and owners, before seccomp.  refuse: the protocol's words
	 * for "too many connections" ("421 4.3.2 ...\r\n"); ticket is appended by it.
	 */
	void (*warm)(struct service *svc);
	void (*worker)(struct service *svc);
	void (*refuse)(struct service *svc, const char *listener, const char *ticket,
		char *out, size_t size);
	/* Or none: a worker's last session is over and none followed at once. */
	void (*rest)(struct service *svc);
	/*
	 * Both or none.  is_blocked: is this peer refused before anything is spent on
	 * it?  say_blocked: the words for that with the ticket in them, "" for none.
	 */
	bool (*is_blocked)(struct service *svc, const struct addr *peer);
	void (*say_blocked)(struct service *svc, const char *listener, const char *ticket,
		char *out, size_t size);
	void *ctx;			/* the program's own */
	uint64_t file_bytes;		/* largest file that sessions write; 0: no bound. Before service_confine */
	struct tls_server *tls;		/* by service_tls; NULL: none */

	/* From here on for lib/service only. */
	struct service_fd fds[SERVICE_FDS_MAX];
	size_t fd_count;
	int master_fd;			/* -1: not started by mail-master */
	bool replaces;			/* an older generation serves, and goes on when this one ends */
	int pub_fd;			/* run/pub, also the working directory */
	enum sandbox_role role;
	unsigned owner_mask;
	int owner_fds[OWNERS_MAX];
	struct log log;
	struct loop *loop;		/* event-driven programs, after service_attach */
	struct sandbox_paths paths;
	bool has_paths;
	uid_t uids[SERVICE_USERS_MAX];	/* in the order of user_service_names; (uid_t)-1: none */
	uint64_t ticket_next;		/* of this process */
	uint64_t ticket_end;
	bool tickets_asked;		/* of mail-master, and not yet given */
	void (*on_stop)(void *ctx);
	void (*on_reload)(void *ctx);	/* programs that read settings again; set after service_attach */
	void *stop_ctx;
	int channel;			/* worker: to its parent; -1 else */
	struct gate *gate;		/* after gate_open; NULL: addresses are not looked up */
	struct pressure *pressure;	/* of the pool; NULL without one */
	unsigned open_places;		/* of the pool: max_total without the reserve */
	bool in_reserve;		/* worker: the session under way has a place beyond them */
	struct loop_fd *master_watch;
	bool has_stopped;		/* on_stop was called */
	bool is_leaving;		/* worker: the session under way is its last */
	struct contact contacts[CONTACTS_MAX];
	size_t contact_count;
	uint8_t contact_asked;		/* worker: number of its last request */
	int outside_fd;			/* O_PATH of "/", for contacts outside run/pub; else -1 */
};

/* Options: -r ROOT, --help, --version.  `name` and argv must outlive svc. */
void service_init(struct service *svc, const char *name, int argc, char **argv);

/* The same for a program with modes: {"intake", "schedule", NULL}; one must be given. */
void service_init_modes(struct service *svc, const char *name, const char *const *modes,
	int argc, char **argv);

/* Read run/settings/NAME; kind is the log it writes (smtpLog, popLog, delivery ...). */
void service_settings(struct service *svc, const char *log_kind);

/* Run svc->warm, then what every program needs (time zone, log socket). */
void service_warm_up(struct service *svc);

/*
 * Reach `name` (as in instance_path) after service_confine, with the given
 * rights.  A program that names any path is held by Landlock instead of chroot.
 */
void service_path(struct service *svc, const char *name, unsigned sandbox_rights);

/*
 * The name under which a folder of the instance can still be reached after
 * service_confine, whoever may pass the folders above it (an instance may lie
 * in a home that is closed to service users).  For libraries that want a path;
 * call before service_confine, for folders that service_path was told of.
 */
#define SERVICE_HOME_MAX 48
const char *service_home(struct service *svc, const char *name, char out[SERVICE_HOME_MAX]);

void service_confine(struct service *svc, enum sandbox_role role);

/*
 * The one line about a kernel without Landlock.  service_confine says it for
 * the whole program; mail-master, which is never confined, for its children.
 */
void service_tell_unconfined(struct service *svc);

/* Mask of enum owner.  Pool workers connect each for themselves. */
void service_owners(struct service *svc, unsigned mask);

/*
 * Serve sessions until told to stop; returns the exit code of main.  Without
 * mail-master fd 0/1 is the session, or the listening socket that systemd
 * passed (LISTEN_FDS).
 */
int service_run(struct service *svc, session_call *session);

/* Event-driven programs: apply seccomp for the role, then tell mail-master. */
void service_ready(struct service *svc);

/*
 * Call on_stop once when mail-master wants this program to end or is gone
 * (SIGTERM, end of file).  The program finishes its work and ends its loop.
 */
void service_attach(struct service *svc, struct loop *loop, loop_timer_call *on_stop, void *ctx);

/*
 * The descriptor handed over under this name ("listen.unix.auth", "key"); -1
 * when there is none.  It stays ours: "key" and "cert" are closed by service_confine.
 */
int service_fd(const struct service *svc, const char *name);

/* The next ticket: twelve digits and a NUL. */
void service_ticket(struct service *svc, char out[SESSION_TICKET_DIGITS + 1]);

/* uid of a service user ("pbsmtp"); the one uid in a single-uid instance. */
uid_t service_uid(const struct service *svc, const char *user);

#endif
