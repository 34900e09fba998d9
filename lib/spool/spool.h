/*
 * spool: the folders of the queue, and the numbers of its messages.
 *
 * A message is found by its folder (`sub`, 0 = SubSpool0; spool_root() stands
 * for the spool folder itself, where others may drop pairs) and its id.  Two
 * processes share the spool: intake alone makes ids and .em_ files, schedule
 * alone appends outcomes and finishes.  spool_lock keeps out a second one.
 */
#ifndef SPOOL_SPOOL_H
#define SPOOL_SPOOL_H

#include "base/base.h"
#include "base/span.h"
#include "sys/filesystem.h"

struct spool;

/* Where a message is. */
struct spool_ref {
	uint64_t id;
	uint32_t sub;
};

/* One line for the log; text is one line without its end. */
typedef void spool_log(void *ctx, const char *text);

struct spool_options {
	uint32_t sub_spools;		/* setting subSpools, 1 to LIMIT_SUB_SPOOLS */
	uint32_t sub_spool_size;	/* setting subSpoolSize */
	bool sync_directory;		/* setting spoolSyncDirectory=always */
	spool_log *log;			/* may be NULL */
	void *log_ctx;
};

/*
 * Open the spool in the directory dirfd (borrowed: kept open by the caller as
 * long as the spool); makes SubSpool0 …, corrupt, quarantine and proc when
 * absent (0700) and durable.  Returns -1 with errno; ENOTSUP when the file
 * system is not fit for a spool (NFS and the like).  The process ignores SIGIO
 * from now on: the check for writers uses leases.
 */
int spool_open(int dirfd, const struct spool_options *options, struct spool **out) PB_MUST_CHECK;
void spool_free(struct spool **sp);

/*
 * The right to be intake ("intake.lock") or schedule ("schedule.lock"), for
 * the life of the process.  -1 with EAGAIN: another process has it.
 */
int spool_lock(struct spool *sp, const char *name) PB_MUST_CHECK;

uint32_t spool_sub_count(const struct spool *sp);	/* without the root */
uint32_t spool_root(const struct spool *sp);		/* == spool_sub_count */
int spool_sub_fd(const struct spool *sp, uint32_t sub);	/* borrowed */
/* "SubSpool3", or "." for the root. */
#define SPOOL_SUB_NAME_SIZE 24
void spool_sub_name(const struct spool *sp, uint32_t sub, char out[SPOOL_SUB_NAME_SIZE]);
/* Find the folder that is called so; false when there is none. */
bool spool_sub_find(const struct spool *sp, struct span name, uint32_t *sub_out);

int spool_corrupt_fd(const struct spool *sp);
/* True when a new name needs an fsync of its directory besides that of the file. */
bool spool_must_sync_directory(const struct spool *sp);
/*
 * True when a receiver need not sync its body at once: the deliverer by its
 * own call, or the receiver before its envelope, makes it durable.
 */
bool spool_syncs_late(const struct spool *sp);

/* The folder for the next message (subSpoolSize each, then the emptiest). Intake only. */
uint32_t spool_sub_choose(struct spool *sp);
void spool_sub_left(struct spool *sp, uint32_t sub);	/* a message of that folder is gone */

/* printf to the log callback; errno is kept. */
void spool_say(const struct spool *sp, const char *fmt, ...) PB_PRINTF(2, 3);

#endif
