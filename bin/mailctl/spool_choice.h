/*
 * spool_choice: which messages a command is for.
 *
 *	ID ...		ids, or names of files of the spool: 123, SubSpool0/123.hdr
 *	-		the same on standard input, one a line or each with a NUL behind
 *			it: what `grep -l` and `mailctl spool list` print
 *	-w SELECTOR	those that the selector fits (queue_select.h)
 *	--all
 */
#ifndef MAILCTL_SPOOL_CHOICE_H
#define MAILCTL_SPOOL_CHOICE_H

#include "base/base.h"
#include "args.h"
#include "ctl.h"
#include "queue.h"

struct spool_choice {
	bool quarantined;	/* the caller's: look in quarantine, not in the queue */
	struct args names;
	const char *where;
	bool all, dry_run;
};

/*
 * Read the words of a command; `more` are options of its own.  False, after a
 * message where one helps, unless exactly one of the ways is used.  --dry-run
 * is an option of commands that act.
 */
bool spool_choose(struct spool_choice *ch, int argc, char **argv, bool acts, const struct arg_option *more,
	size_t more_count) PB_MUST_CHECK;

/*
 * Call fn for each, in the order of the ids and once for each, until one does
 * not return EXIT_DONE; that code.  What was given as ids need not be there.
 */
int spool_choice_each(const struct ctl *c, const struct spool_choice *ch, int (*fn)(void *ctx, uint64_t id), void *ctx);

/*
 * Look it up; an exit code.  *found is false for one that was not named, and
 * left after the selector found it; one that was named is then EXIT_NO_OBJECT.
 */
int spool_choice_find(const struct ctl *c, const struct spool_choice *ch, uint64_t id, struct queue_entry *out,
	bool *found);

/* For --dry-run: print the ids. */
int spool_choice_print(const struct ctl *c, const struct spool_choice *ch);

#endif
