/*
 * maildir_deliver: the step that puts one message file into many Maildirs,
 * by hard link, and makes that durable with as few synchronous calls as the
 * file system allows.
 *
 * Order of use: begin; add for every mailbox; sync once for the whole batch;
 * only after sync returned may anybody be told of success.  The batch may hold
 * many messages.  Every add gives its own result; sync failing makes all of
 * the batch temporary failures (what was linked stays: a repeat finds it).
 *
 * The name in new/ is "ID.R<number>.<host>,S=<size>", so a repeat after a
 * crash makes the same name: EEXIST is success when it is the same inode, or a
 * copy of the same size and checksum; otherwise another name is taken.
 */
#ifndef STORE_MAILDIR_DELIVER_H
#define STORE_MAILDIR_DELIVER_H

#include "base/base.h"
#include "base/verdict.h"
#include "sys/filesystem.h"

struct maildir_batch;

/* host: in file names, "/" and ":" replaced; sync_directory: always fsync each directory. */
struct maildir_batch *maildir_batch_new(const char *host, bool sync_directory);
void maildir_batch_free(struct maildir_batch **b);

struct maildir_message {
	int dirfd;		/* folder of the message file … */
	const char *name;	/* … and its name there; a plain file, already fsynced */
	int fd;			/* open for reading on the same file */
	uint64_t id;		/* queue id */
	uint64_t size;		/* wire size, as fstat says */
	uint32_t crc32c;	/* of the body, when has_crc (else it is computed when needed) */
	bool has_crc;
};

/* How it got there. */
enum maildir_how { MAILDIR_LINKED, MAILDIR_COPIED, MAILDIR_WAS_THERE };

/*
 * Put m into the Maildir at maildir_fd (a directory fd with new/ and tmp/
 * inside) as recipient `number`.  Returns 0, or -1 with errno: ENOENT (no such
 * Maildir), ENOSPC, EDQUOT, EIO ...  Nothing is durable before sync.
 */
int maildir_batch_add(struct maildir_batch *b, const struct maildir_message *m, int maildir_fd,
	uint32_t number, enum maildir_how *how_out) PB_MUST_CHECK;

/*
 * Make every add since the last sync durable and forget them.  -1 with errno:
 * none of them may be reported as delivered.
 */
int maildir_batch_sync(struct maildir_batch *b) PB_MUST_CHECK;

/* The result to report for an errno of add or sync (4.2.2 for EDQUOT, 4.3.1 for ENOSPC …). */
struct verdict maildir_deliver_verdict(int error);

#endif
