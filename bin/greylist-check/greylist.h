/*
 * greylist: what the threads of greylist-check share.
 *
 * libmilter runs one thread a connection; one more thread, made here, runs the loop
 * for the control socket, the clock and mail-master.  The log is used under a lock;
 * the other parts see to themselves.
 *
 * main.c	start, and the log
 * milter.c	callbacks of libmilter: a session, a message, its recipients
 * decide.c	one delivery: facts, verdict, records
 * judge.c	what the times of a record mean (pure)
 * records.c	the database; records_counts.c, records_walk.c: its counters and lists;
 *		record_value.c: the bytes of a record
 * rules.c	the settings
 * ask.c	questions to auth-check and scan-check
 * expect.c	users who wait for mail
 * control.c	the loop and its control socket; control_list.c, control_why.c: its longer answers
 */
#ifndef GREYLIST_CHECK_GREYLIST_H
#define GREYLIST_CHECK_GREYLIST_H

#include <pthread.h>
#include "base/base.h"
#include "base/record.h"
#include "io/loop.h"
#include "records.h"
#include "service/service.h"

struct greylist {
	struct service svc;
	struct records records;
	struct loop *loop;
	int settings_dir;		/* run/settings, to read them again */
	pthread_mutex_t log_lock;
};

extern struct greylist greylist;	/* libmilter's callbacks are given nothing else */

/* log_line under the lock; flushed by the loop.  ticket may be "". */
void greylist_log(const char *ticket, const char *ip, const char *fmt, ...) PB_PRINTF(3, 4);

/* The database failed: log why, and end; the server that asks goes on without us, mail-master starts us anew. */
PB_NORETURN void greylist_trouble(void);

/* The milter: register callbacks and open the socket; then run until told to stop. */
void milter_open(int listener, const char *private_path);
int milter_run(void);

/* Send the last lines of the log and end the process. */
PB_NORETURN void greylist_end(void);

/* The thread of the loop. */
void control_begin(int control_fd);

/* Answers of the control socket, see control.c. */
void control_list(const struct record *request, struct buf *reply);
void control_delete(const struct record *request, struct buf *reply);
void control_why(const struct record *request, struct buf *reply);

#endif
