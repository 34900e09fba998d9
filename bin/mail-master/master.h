/*
 * master: the parts of mail-master and the one struct they share.
 *
 * main.c		stages: options, lock, users, folders, sockets, settings, loop
 * units.c		table of programs: what runs as what, with which sockets
 * process.c		fork and exec of one program with its descriptors
 * generation.c		start, ready, retire, stop of each unit
 * backoff.c		the pauses before a unit that ended is started again
 * sockets.c		the ports and the sockets of run/pub
 * tls_rules.c		ports that TLS rules open or change
 * load.c		settings by way of a child without rights
 * requests.c		run/master: status, start, stop, restart, reload, shutdown
 * keep.c		what survives a restart: tickets, stopped services, pid, ports
 *
 * Trust: requests come from root or the owner of the instance; programs talk
 * in words of master.h of lib/service, checked as hostile.  No byte from the
 * network and no XML is ever read here.
 */
#ifndef MAIL_MASTER_MASTER_H
#define MAIL_MASTER_MASTER_H

#include "base/base.h"
#include "base/buf.h"
#include "config/bypass.h"
#include "config/settings.h"
#include "io/loop.h"
#include "net/addr.h"
#include "service/control.h"
#include "service/service.h"

#define MASTER_PORTS_MAX 64
#define MASTER_UNITS_MAX 16
#define MASTER_SOCKETS_MAX 32
#define MASTER_PROGRAMS_MAX 16

/* A program as it is started; one program may be two units (spool-runner). */
struct unit_def {
	const char *name;	/* "smtp-listen", "spool-intake" */
	const char *program;
	const char *mode;	/* "--intake", or NULL */
	const char *service;	/* what mailctl starts and stops: "smtp"; NULL: always runs */
	const char *ports;	/* TCP listeners, comma separated, or NULL */
	const char *sockets;	/* of run/pub, comma separated, or NULL */
	const char *only_if;	/* a setting of mail-master that must be true, or NULL */
	bool keys;
	bool rereads;		/* is told to read changed settings again, and not replaced */
	bool is_pool;		/* generations may overlap; all others own state */
	int stop_phase;		/* 1 stops first */
};

extern const struct unit_def unit_defs[];
extern const size_t unit_def_count;

enum process_state { PROCESS_STARTING, PROCESS_RUNNING, PROCESS_LEAVING };

/* One process of a unit: the current generation, or one that finishes. */
struct process {
	struct process *next;
	struct unit *unit;
	pid_t pid;
	int fd;			/* our end of its master line; -1 when closed */
	struct loop_fd *watch;
	enum process_state state;
	uint64_t started_ms;
	uint64_t finishing;	/* sessions it said it still has */
	bool has_answered;	/* a leaving one has said how many */
	struct loop_timer *patience;	/* then it is killed */
};

struct unit {
	const struct unit_def *def;
	struct master *master;
	struct process *processes;
	struct process *current;	/* starting or running; NULL: none */
	bool is_wanted;
	bool start_again;	/* as soon as the leaving process of an owner has ended */
	struct loop_timer *retry;
	uint64_t pause_ms;	/* before the next start after one that ended; backoff.h */
	unsigned restarts;
};

struct port {
	char listener[16];	/* "smtp", "imaps" ... */
	struct addr addr;
	int fd;			/* -1 while its service is stopped */
};

struct manifest_entry;

struct pub_socket {
	const char *name;	/* in run/pub */
	const struct manifest_entry *entry;
	int fd;			/* -1 while its service is stopped */
};

/* What one reading of the settings gave. */
struct program_settings {
	char name[32];
	char *text;
	size_t n;
};

struct loaded {
	struct program_settings programs[MASTER_PROGRAMS_MAX];
	size_t count;
	struct settings *own;	/* mail-master's */
};

struct waiting;

/* What tells one version of a file from another; all zero when there is none. */
struct file_stamp {
	uint64_t inode, size;
	int64_t mtime_ns;
};

struct master {
	struct file_stamp bypass[BYPASS_FILES];	/* of etc/greylisBypass.xml ... when they were read */
	struct service svc;	/* for its log and its instance; never confined */
	struct loop *loop;
	char libexec[INSTANCE_PATH_MAX];
	int run_fd, pub_fd, state_fd;
	int lock_fd;
	int control_fd;
	bool in_foreground;
	struct control *control;
	struct unit units[MASTER_UNITS_MAX];
	size_t unit_count;
	struct port ports[MASTER_PORTS_MAX];
	size_t port_count;
	struct pub_socket sockets[MASTER_SOCKETS_MAX];
	size_t socket_count;
	struct loaded loaded;
	uint64_t next_ticket;
	struct waiting *waiting;	/* requests that get their answer later */
	int phase;		/* 0: running; else the phase of the shutdown */
};

/* keep.c */
void keep_lock(struct master *m);		/* dies when another mail-master runs */
void keep_pid(struct master *m);
void keep_no_pid(struct master *m);
void keep_folders(struct master *m);		/* users, folders of the manifest */
void keep_read(struct master *m);		/* tickets and stopped services */
uint64_t keep_tickets(struct master *m);	/* the first of a new block; persisted before it returns */
int keep_stopped(struct master *m);		/* write which services are stopped */
int keep_ports(struct master *m);		/* run/instance.env */

/* load.c: 0, or -1 with one line of text a message in errors; *out then is empty. */
int load_settings(struct master *m, struct loaded *out, struct buf *errors);
/* The lists of who is never greylisted (bypass.h): note which versions are read, and whether there are others now. */
void load_note_bypass(struct master *m);
bool load_bypass_changed(struct master *m);
void load_free(struct loaded *l);
/* True when the text for this program differs. */
bool load_differs(const struct loaded *a, const struct loaded *b, const char *program);
int load_write(struct master *m, const struct loaded *l, const struct loaded *old);

/* sockets.c */
void sockets_bind_all(struct master *m);	/* run/pub and run/master; dies on failure */
/*
 * Open what the settings want and keep open what is the same.  new_ports gets
 * all of them; 0, or -1 with messages, and then nothing has changed.
 */
int sockets_ports(struct master *m, const struct settings *s, struct port *new_ports,
	size_t *count, struct buf *errors);
struct port_rule {
	const char *listener;
	uint64_t number;
};
/* Add one port, one on every address of the settings, to a list; false after a message. */
bool sockets_add(const struct master *m, struct port *ports, size_t *count, const struct port *want,
	struct buf *errors);
bool sockets_add_everywhere(const struct master *m, const struct settings *s, struct port *ports, size_t *count,
	const struct port_rule *rule, struct buf *errors);
/* Close what was opened for a list that is not to be used. */
void sockets_give_up(const struct master *m, const struct port *ports, size_t count);
void sockets_take(struct master *m, const struct port *ports, size_t count);
/* Log what is open now and was not before, and what was. */
void sockets_tell(struct master *m, const struct port *before, size_t before_count, const struct port *now,
	size_t now_count);
bool sockets_listener_differs(const struct master *m, const struct port *ports, size_t count,
	const char *listeners);

/* tls_rules.c: the ports of TLS rules, added or turned to what they say; false after a message. */
bool tls_rules_ports(const struct master *m, const struct settings *s, struct port *ports, size_t *count,
	struct buf *errors);

/*
 * A stopped service takes no connections, not even into a queue: its ports and
 * sockets are closed, and opened again when it starts (-1 with errno).
 */
void sockets_close_unit(struct master *m, const struct unit_def *d);
int sockets_open_unit(struct master *m, const struct unit_def *d) PB_MUST_CHECK;

/* process.c: fork and exec; NULL after a log line.  The caller links it. */
struct process *process_start(struct unit *u);

/* generation.c */
void generation_start(struct unit *u);		/* nothing when it runs already */
void generation_stop(struct unit *u);		/* in peace: sessions have all their time */
void generation_replace(struct unit *u);	/* a new process */
void generation_reload(struct unit *u);		/* new settings: the same, or told to read them */
void generation_reap(struct master *m);
void generation_apply(struct master *m);	/* start what is wanted, stop what is not */
void generation_shutdown(struct master *m);	/* phase by phase, then the loop ends */
bool unit_is_allowed(const struct unit *u);	/* its setting is on */
const char *unit_state(const struct unit *u);	/* starting running finishing stopped waiting */

/* requests.c */
void requests_start(struct master *m);
void requests_check(struct master *m);	/* answer those whose condition has come */
/* Read the settings again and apply them; what is refused changes nothing and is logged. */
void requests_reload(struct master *m);

#endif
