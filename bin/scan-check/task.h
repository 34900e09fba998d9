/*
 * task: one question of a client, from its record to the answer.
 */
#ifndef SCAN_CHECK_TASK_H
#define SCAN_CHECK_TASK_H

#include "base/base.h"
#include "base/record.h"
#include "scan.h"

struct task;

/*
 * fields: "result=...\n" and what else belongs to it, in the form of a record
 * without its first line; valid during the call.  The task is over.
 */
typedef void task_done(void *ctx, struct span fields);

enum task_begun { TASK_STARTED, TASK_ANSWERED, TASK_REFUSED };

/*
 * STARTED: *out is the task, and done will run once unless task_cancel comes
 * first.  ANSWERED: done has run.  REFUSED: this is no question of the table in
 * lib/check/scan_client.c.
 */
enum task_begun task_begin(struct scan *s, const struct record *request, task_done *done, void *ctx,
	struct task **out);
void task_cancel(struct task **t);

#endif
