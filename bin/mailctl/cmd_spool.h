/*
 * cmd_spool: what commands about messages share.
 */
#ifndef MAILCTL_CMD_SPOOL_H
#define MAILCTL_CMD_SPOOL_H

#include "base/base.h"
#include "args.h"
#include "output.h"
#include "queue.h"

/* Called for one message; an exit code. */
typedef int spool_entry_fn(const struct ctl *c, struct output *o, const struct queue_entry *e);

/* Rows of the envelope under the columns id, field, value. */
spool_entry_fn spool_show_entry;

/*
 * The message itself: as it is, or rows with --json, which hold its bytes also
 * when they are no text.  Begin gives NULL when there are to be no rows.
 */
spool_entry_fn spool_view_entry;
struct output *spool_view_begin(const struct ctl *c);

/*
 * Ids from the arguments, or from standard input for "-": calls fn for each
 * until one does not return EXIT_DONE; that code.
 */
int spool_each_id(const struct args *a, int (*fn)(void *ctx, uint64_t id), void *ctx);

#endif
