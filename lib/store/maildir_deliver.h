/*
 * maildir_deliver: puts one message file into many Maildirs, by hard link, and
 * makes that durable with as few synchronous calls as the file system allows.
 *
 * Order of use: add for every mailbox, sync once for the whole batch; only
 * after sync returned may anybody be told of success.  A batch may hold many
 * messages.  Every add has its own result; when sync fails nothing since the
 * last sync may be reported (what was linked stays: a repeat finds it).
 *
 * The name in new/ is "<mtime>.Q<id>R<number>.pillarbox,S=<size>", so a repeat
 * after a crash makes the same name: EEXIST is success when it is the same
 * inode, or a copy with the same bytes; otherwise another name is taken.
 */
#ifndef STORE_MAILDIR_DELIVER_H
#define STORE_MAILDIR_DELIVER_H

#include "base/base.h"
#include "base/verdict.h"

/*
 * A message file, plain.  All is borrowed by add.
 */
struct maildir_message {
	int dirfd;		/* a folder … */
	const char *name;	/* … and the path of the file below it */
	int fd;			/* the same file, open for reading */
	uint64_t id;		/* queue id */
	bool is_late;		/* its bytes are not durable yet: sync makes them so */
};

enum maildir_how {
	MAILDIR_LINKED,
	MAILDIR_COPIED,		/* no link was possible: EMLINK, EXDEV, EPERM */
	MAILDIR_WAS_THERE	/* an earlier try had done it */
};

struct maildir_batch;

/* sync_always: fsync every folder (setting spoolSyncDirectory=always). */
struct maildir_batch *maildir_batch_new(bool sync_always);
void maildir_batch_free(struct maildir_batch **b);

/*
 * Put m, as recipient `number`, into the Maildir at `path` below the folder
 * root (reached by openat2 that follows no symbolic link).  Missing tmp, new
 * and cur are made.  0, or -1 with errno; nothing is durable before sync.
 */
int maildir_batch_add(struct maildir_batch *b, const struct maildir_message *m, int root,
	const char *path, uint32_t number, enum maildir_how *how_out) PB_MUST_CHECK;

/* Make every add since the last sync durable and forget them. */
int maildir_batch_sync(struct maildir_batch *b) PB_MUST_CHECK;

/*
 * Remove files in tmp/ that nobody has changed for 36 hours: what a copy that
 * was cut off left.  A Maildir reader does this now and then; add does it
 * before it copies.  now: seconds since 1970 UTC.
 */
int maildir_clean(int root, const char *path, int64_t now) PB_MUST_CHECK;

/* What to report for an errno of add or sync; temporary, all of them. */
struct verdict maildir_deliver_verdict(int error);

#endif
