/*
 * queue: what sendmail(1) says and does about the queue (-bp, -q), which is
 * mailctl's work.
 */
#ifndef MAIL_INJECT_QUEUE_H
#define MAIL_INJECT_QUEUE_H

#include "base/base.h"
#include "options.h"

/*
 * Become mailctl, from beside this program, with the rights of the caller.
 * Returns an exit code, after a message on stderr, only when that fails.
 */
int queue_become(const struct options *o);

#endif
