/*
 * cmd_spool: what commands about messages share.
 */
#ifndef MAILCTL_CMD_SPOOL_H
#define MAILCTL_CMD_SPOOL_H

#include "base/base.h"
#include "output.h"
#include "queue.h"
#include "spool_choice.h"

/* Called for one message; an exit code. */
typedef int spool_entry_fn(const struct ctl *c, struct output *o, const struct queue_entry *e);

/* Call fn for each message of a choice until one does not give EXIT_DONE; that code. */
int spool_each_entry(const struct ctl *c, const struct spool_choice *ch, struct output *o, spool_entry_fn *fn);

/* Rows of the envelope under the columns id, field, value. */
spool_entry_fn spool_show_entry;

/*
 * The message itself: as it is, or rows with --json, which hold its bytes also
 * when they are no text.  Begin gives NULL when there are to be no rows.
 */
spool_entry_fn spool_view_entry;
struct output *spool_view_begin(const struct ctl *c);

#endif
