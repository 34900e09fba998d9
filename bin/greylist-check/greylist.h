/*
 * greylist: what the threads of greylist-check share.
 *
 * libmilter runs one thread a connection; one more thread, made here, runs the loop
 * for the control socket, the clock and mail-master.  The log, the rules and the
 * line to auth-check are each used under a lock.
 */
#ifndef GREYLIST_CHECK_GREYLIST_H
#define GREYLIST_CHECK_GREYLIST_H

#include <pthread.h>
#include "base/base.h"
#include "directory/directory.h"
#include "io/loop.h"
#include "judge.h"
#include "rules.h"
#include "service/service.h"

struct greylist {
	struct service svc;
	struct judge judge;
	struct loop *loop;
	int settings_dir;		/* run/settings, to read them again */
	pthread_rwlock_t rules_lock;
	struct rules *rules;
	pthread_mutex_t log_lock;
	pthread_mutex_t directory_lock;
	struct directory *directory;	/* NULL: not connected */
	uint64_t directory_retry_ms;	/* not before this time */
	uint64_t delayed, passed, skipped;	/* atomic */
};

extern struct greylist greylist;	/* libmilter's callbacks are given nothing else */

/* log_line under the lock; flushed by the loop. */
void greylist_log(const char *ticket, const char *ip, const char *fmt, ...) PB_PRINTF(3, 4);

/* Is this delivery to be judged, as far as its recipient has a say (GREY-06, 10, 13, 14)? */
bool greylist_recipient_wants(struct span recipient, struct span sender);

/* The milter: register callbacks and open the socket; then run until told to stop. */
void milter_open(int listener, const char *private_path);
int milter_run(void);

/* Send the last lines of the log and end the process. */
PB_NORETURN void greylist_end(void);

/* The thread of the loop. */
void control_begin(int control_fd);

#endif
