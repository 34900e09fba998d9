/*
 * log: lines for event-log, one datagram a session or a second.
 *
 * A line is `HH:MM:SS.mmm [ip][ticket] text`, where text is `cmd: ...` or
 * `rsp: ...` for protocol lines, else `event=NAME key=value ...`.  Whatever is
 * not printable ASCII is escaped here, and again by event-log, so that nobody
 * can forge a line.  Logging never stops mail: when event-log does not read,
 * lines are dropped and counted, and the count is reported with the next ones.
 */
#ifndef SERVICE_LOG_H
#define SERVICE_LOG_H

#include "base/base.h"
#include "base/buf.h"
#include "io/loop.h"

struct service;

enum log_level { LOG_NONE, LOG_EXCEPTIONS, LOG_NORMAL, LOG_DETAILED };

#define LOG_KIND_MAX 24

struct log {
	int fd;			/* datagram socket, -1: lines go to fd 2 */
	char kind[LOG_KIND_MAX];
	enum log_level level;	/* from the settings; LOG_NORMAL before they are read */
	struct buf pending;
	uint64_t since_ms;	/* when the oldest pending line was written */
	uint64_t lines;		/* in pending */
	uint64_t lost;		/* lines dropped since the last datagram that went out */
	bool stalled;		/* event-log was waited for in vain: not again before it reads */
	struct loop_timer *timer;	/* of event-driven programs */
};

/* True when lines of this level are written; asks before costly formatting. */
bool log_wants(const struct service *svc, enum log_level level);

/*
 * One line at LOG_NORMAL.  ticket and ip may be NULL or "" (then [-]).  The
 * formatted text is cut at LIMIT_LOG_LINE and escaped.
 */
void log_line(struct service *svc, const char *ticket, const char *ip, const char *fmt, ...)
	PB_PRINTF(4, 5);

/* The same for what only `Detailed` wants (protocol lines), and for failures. */
void log_detail(struct service *svc, const char *ticket, const char *ip, const char *fmt, ...)
	PB_PRINTF(4, 5);
void log_failure(struct service *svc, const char *ticket, const char *ip, const char *fmt, ...)
	PB_PRINTF(4, 5);

/* Append ` key=value` to out; the value is escaped, and quoted when it holds a space. */
void log_value(struct buf *out, const char *key, struct span value);

/*
 * Send what is pending, and the count of what was lost.  `last`: wait up to a second for a
 * busy event-log, and count as lost what it does not take.
 */
void log_flush(struct service *svc, bool last);

/* Lines that another process of this program lost, which ends before it can report them. */
void log_add_lost(struct service *svc, uint64_t lines);

#endif
