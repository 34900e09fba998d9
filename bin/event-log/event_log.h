/*
 * event_log: the parts of event-log.
 *
 * datagram.c	who sent it, what kind, and lines nobody can forge
 * logfile.c	daily files, batches, full disks
 * syslog_out.c	the same lines to syslog
 * expire.c	old files
 */
#ifndef EVENT_LOG_EVENT_LOG_H
#define EVENT_LOG_EVENT_LOG_H

#include "base/base.h"
#include "base/buf.h"
#include "service/service.h"

/* Kinds of logs and the users whose programs may write each. */
struct log_kind {
	const char *name;
	const char *users;	/* comma separated; "*": every service user */
};

extern const struct log_kind log_kinds[];
extern const size_t log_kind_count;

struct logfile {
	const struct log_kind *kind;
	int fd;			/* -1: not open */
	char name[64];		/* of the open file */
	struct buf pending;
	bool in_line;		/* the disk has the first part of a line */
	uint64_t lost;		/* lines that were dropped since the last write that worked */
	int failed;		/* errno of the write that is being tried again; 0 */
};

struct syslog_out {
	bool is_wanted;
	int fd;			/* -1: not connected */
	bool is_gone;		/* the last attempt to reach it failed, which was told */
	int error;		/* errno of that */
	uint64_t look_at;	/* clock_ms from which on it is looked for again */
	uint64_t missed;	/* lines that it did not get since the last that it got */
};

struct event_log {
	struct service svc;
	struct loop *loop;
	int fd;			/* run/pub/log */
	int dir;		/* log/ */
	struct syslog_out syslog;
	struct logfile *files;	/* one per kind */
	struct loop_timer *retry;
	struct loop_timer *hourly;
};

/*
 * Check one datagram of n bytes sent by uid and append its lines to the file
 * of its kind; what is wrong becomes a line of the administrative log.
 */
void datagram_take(struct event_log *e, char *text, size_t n, uid_t uid);

/* Append s, printable ASCII only and without LF: others become \xNN. */
void datagram_put_plain(struct buf *out, struct span s);
/* True for "HH:MM:SS.mmm [x][y] ..." */
bool datagram_is_line(struct span line);

/* One line for a file, and for syslog; adds LF. */
void logfile_put(struct event_log *e, struct logfile *f, struct span line);
void logfile_say(struct event_log *e, const char *kind, const char *fmt, ...) PB_PRINTF(3, 4);
/* Write what is pending of all files; false when some must be tried again. */
bool logfile_flush_all(struct event_log *e);

/* One line for syslog, if that is wanted. */
void syslog_out_line(struct event_log *e, struct span line);

/* Remove files of log/ whose lines are all older than `days` days. */
void expire_files(struct event_log *e, unsigned days);

#endif
