/*
 * spool_action: many messages that the scheduler is asked to act on, some
 * hundred in one request.
 */
#ifndef MAILCTL_SPOOL_ACTION_H
#define MAILCTL_SPOOL_ACTION_H

#include "base/base.h"
#include "base/buf.h"
#include "ctl.h"

#define SPOOL_ACTION_FIELDS 2

/* What stands before `request` is the caller's; texts and c must live until the end. */
struct spool_action {
	const struct ctl *c;
	const char *verb;		/* of the request */
	const char *before, *after;	/* around the id of a message that the scheduler has not */
	size_t at_once;			/* messages in one request */
	struct {
		const char *key, *value;	/* NULL: none */
	} field[SPOOL_ACTION_FIELDS];	/* of every request */
	struct buf request;
	size_t pending;			/* messages in request */
	uint64_t done, missing;
};

void spool_action_begin(struct spool_action *a);

/* One message more, as the field `key` of a request; an exit code. */
int spool_action_add(struct spool_action *a, const char *key, const char *value);

/* As below, without a word of how many were done. */
int spool_action_finish(struct spool_action *a, int code);

/*
 * Ask for what is left unless `code` tells of a failure before; say how many were
 * done.  The exit code of the command: EXIT_NO_OBJECT when some were missing.
 */
int spool_action_end(struct spool_action *a, int code);

#endif
