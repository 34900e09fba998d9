/*
 * mailbox_private: what the files of one mailbox share; nobody else includes it.
 *
 *	mailbox.c		open, close, questions
 *	mailbox_view.c		the list of messages, and journal lines applied to it
 *	mailbox_log.c		journal and index as files: lock, replay, append, repair
 *	mailbox_scan.c		directories compared with the list
 *	mailbox_change.c	flags, keywords, expunge
 *	mailbox_add.c		append and copy
 *	mailbox_cache.c		blobs beside the messages
 *
 * Every change goes one way: log_begin (lock, take in what others wrote), change
 * files, log_put lines, log_commit (write, unlock, apply the lines to the view
 * as if another had written them).
 */
#ifndef STORE_MAILBOX_PRIVATE_H
#define STORE_MAILBOX_PRIVATE_H

#include "base/base.h"
#include "base/buf.h"
#include "base/limits.h"
#include "store/index.h"
#include "store/journal.h"
#include "store/mailbox.h"

#include <errno.h>
#include <sys/stat.h>

/* Bits of message.state that never leave lib/store. */
#define MESSAGE_KEPT 0x800	/* named by a rewritten journal */
#define MESSAGE_FOUND 0x1000	/* met in a directory by the scan */

struct mailbox {
	int root, dir;			/* the user's Maildir; this mailbox */
	int new_dir, cur_dir;
	enum mailbox_mode mode;

	int journal;			/* O_RDWR | O_APPEND */
	ino_t journal_ino;
	uint64_t journal_id;
	uint64_t journal_at;		/* applied to the view up to here */
	bool damaged;			/* a line could not be read: rewrite under the lock */
	int lock;			/* -1: not held */
	uint32_t witness;		/* UIDNEXT that the lock file holds */
	struct buf lines;		/* to be written by log_commit */

	uint32_t uidvalidity, uidnext;
	uint32_t recent_uid;		/* no session was told of messages from here on */
	uint64_t modseq;
	uint64_t new_ns, cur_ns;	/* mtimes at the last scan; 0: unsure */

	struct message *at;		/* the view; in map or on the heap */
	size_t count, cap;		/* cap 0: in map */
	size_t gone;			/* MESSAGE_GONE in the view */
	uint32_t in_new;		/* messages with MAILDIR_NEW */
	uint32_t marked_recent;		/* messages with MESSAGE_RECENT */
	struct mailbox_counts counts;
	void *map;			/* the index, private */
	size_t map_n;
	uint64_t index_at;		/* bytes of the journal in the index on disk; 0: none */
	struct span map_names;
	struct buf names;		/* names of later messages; name_at counts on from map_names.n */
	char *keywords[LIMIT_KEYWORDS];
	size_t keyword_n;

	int cache;			/* -1: none yet */
	uint64_t cache_id;
	uint64_t cache_at;		/* looked at up to here */
	uint64_t cache_index_at;	/* ... by the index on disk */
	struct buf cache_blob;
};

/* mailbox.c */
struct mailbox *mailbox_load(int rootfd, const char *path, enum mailbox_mode mode) PB_MUST_CHECK;

/* mailbox_view.c */
void view_apply(struct mailbox *m, const struct journal_line *l);
void view_clear(struct mailbox *m);
void view_take_index(struct mailbox *m, const struct index *ix);
void view_merge_begin(struct mailbox *m);
void view_merge_end(struct mailbox *m);
struct message *view_by_uid(struct mailbox *m, uint32_t uid);
struct span view_name(const struct mailbox *m, const struct message *msg);
void view_line(const struct mailbox *m, const struct message *msg, enum journal_kind kind, struct journal_line *out);
/* "cur/NAME:2,S" of a message, in out (cleared first). */
void view_path(const struct mailbox *m, const struct message *msg, struct buf *out);
void view_mark_recent(struct mailbox *m, struct message *msg);

/* mailbox_log.c */
int log_open(struct mailbox *m) PB_MUST_CHECK;
void log_close(struct mailbox *m);
/* Take in what was appended, or a rewritten journal.  0 or -1 (ESTALE). */
int log_refresh(struct mailbox *m) PB_MUST_CHECK;
int log_begin(struct mailbox *m) PB_MUST_CHECK;
void log_put(struct mailbox *m, const struct journal_line *l);
int log_commit(struct mailbox *m, bool durable) PB_MUST_CHECK;
void log_end(struct mailbox *m);		/* unlock; lines not committed are dropped */
uint64_t log_new_modseq(const struct mailbox *m);
int log_checkpoint(struct mailbox *m, bool when_it_pays) PB_MUST_CHECK;

/* mailbox_scan.c */
uint64_t scan_mtime(int dirfd);			/* ns; 0 on failure */
/* cur/ was changed by us while locked: keep it known if it was when `before` was read. */
void scan_own_change(struct mailbox *m, uint64_t before);

/* mailbox_cache.c */
void cache_open(struct mailbox *m);
void cache_walk(struct mailbox *m);
void cache_close(struct mailbox *m);

#endif
