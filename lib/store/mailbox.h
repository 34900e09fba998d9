/*
 * mailbox: one mailbox as one session sees it.
 *
 * A session's view is a list of messages in order of UID, numbered from 0
 * here.  It changes only in mailbox_sync, which takes in what others did:
 * new messages come at the end, changed ones carry MESSAGE_CHANGED, and
 * those that are gone carry MESSAGE_GONE and stay in their place until
 * mailbox_forget, so that sequence numbers change only when the session says
 * so to its client.
 *
 * Several processes may have one mailbox open.  Each change is made under the
 * lock of the journal, which is held only for the change itself.  What a call
 * reported as done is in the journal; UIDs that a call reports are durable.
 *
 * Errors: -1 with errno; EBADMSG never reaches the caller (damaged journals
 * and indexes are repaired); ESTALE: the mailbox was deleted meanwhile.
 */
#ifndef STORE_MAILBOX_H
#define STORE_MAILBOX_H

#include "base/base.h"
#include "base/span.h"
#include "store/maildir.h"

/* Bits of message.state; the low ones are stored, the others belong to a session. */
#define MESSAGE_CHANGED 0x100	/* flags differ from what the session reported last */
#define MESSAGE_GONE 0x200	/* expunged */
#define MESSAGE_RECENT 0x400	/* this session was the first to see it */

/* One message: the fixed-size record of the index, mapped, or its like in memory. */
struct message {
	uint64_t modseq;
	uint64_t letters;	/* MAILDIR_* */
	uint64_t keywords;	/* bit i: keyword i of the mailbox */
	uint64_t file_size;
	uint64_t wire_size;	/* with CRLF line ends */
	int64_t date;		/* INTERNALDATE: seconds since 1970 */
	uint32_t uid;
	uint32_t name_at;	/* for lib/store */
	uint32_t cache_at;	/* for lib/store */
	uint8_t where;		/* enum maildir_where */
	uint8_t name_n;		/* for lib/store */
	uint16_t state;
};

struct mailbox;

enum mailbox_mode {
	MAILBOX_EXAMINE,	/* no flag is changed, nothing moves from new/ to cur/ */
	MAILBOX_SELECT,		/* messages move to cur/, this session is told what is recent */
	MAILBOX_POP		/* files stay where they are */
};

/*
 * Open the mailbox whose directory is `path` below rootfd ("." for INBOX,
 * ".A.B" for a folder) and sync it.  NULL with errno: ENOENT, ELOOP, EIO …
 */
struct mailbox *mailbox_open(int rootfd, const char *path, enum mailbox_mode mode) PB_MUST_CHECK;
void mailbox_close(struct mailbox **m);

uint32_t mailbox_uidvalidity(const struct mailbox *m);
uint32_t mailbox_uidnext(const struct mailbox *m);
uint64_t mailbox_highest_modseq(const struct mailbox *m);
bool mailbox_is_writable(const struct mailbox *m);
/* Directory of the mailbox: for the notifier, and for maildir_* calls. */
int mailbox_dirfd(const struct mailbox *m);

/* Messages in the view, gone ones included until mailbox_forget. */
size_t mailbox_count(const struct mailbox *m);
/* Valid until the next sync, forget or change. */
const struct message *mailbox_at(const struct mailbox *m, size_t i);
/* Index of the first message whose UID is at least uid; count when none. */
size_t mailbox_find_uid(const struct mailbox *m, uint32_t uid);

struct mailbox_counts {
	uint64_t bytes;		/* sum of file sizes */
	uint32_t messages;
	uint32_t unseen;
	uint32_t deleted;
	uint32_t recent;
};
/* Of the view without gone messages; kept up to date, so reading costs nothing. */
void mailbox_counts(const struct mailbox *m, struct mailbox_counts *out);

/* Take in what others did.  Cheap when nothing changed (a few stat calls). 0 or -1. */
int mailbox_sync(struct mailbox *m) PB_MUST_CHECK;
/* The same, reading the directories even when they look unchanged. */
int mailbox_sync_full(struct mailbox *m) PB_MUST_CHECK;
/* True when a sync would find something: for polling. */
bool mailbox_is_stale(struct mailbox *m);

/*
 * After reporting: clear MESSAGE_CHANGED of message i; remove gone messages.
 * forget calls gone(ctx, index) for each before removing it, from the highest
 * index down, so that index + 1 is what EXPUNGE must say.
 */
void mailbox_reported(struct mailbox *m, size_t i);
void mailbox_forget(struct mailbox *m, void (*gone)(void *ctx, size_t i, uint32_t uid), void *ctx);

/*
 * Open a message file for reading; finds it again when another program has
 * renamed it.  ENOENT: it is gone (the view is marked so).
 */
int mailbox_open_message(struct mailbox *m, size_t i) PB_MUST_CHECK;
/* Unique name without flags; does not change as long as the message exists. */
struct span mailbox_base_name(const struct mailbox *m, size_t i);

/* Keywords: at most LIMIT_KEYWORDS a mailbox. */
size_t mailbox_keyword_count(const struct mailbox *m);
const char *mailbox_keyword(const struct mailbox *m, size_t i);
/* Bit of a keyword, letter case ignored; makes it when `make`.  0 when unknown or full. */
int mailbox_keyword_bit(struct mailbox *m, struct span name, bool make, uint64_t *bit_out) PB_MUST_CHECK;

/*
 * Change flags.  `which` holds n indexes in rising order.  Letters outside
 * MAILDIR_IMAP_FLAGS are left alone.  Changed messages get MESSAGE_CHANGED and
 * a new modseq (all of one call share it).  Messages that are gone are skipped.
 */
enum mailbox_store { MAILBOX_REPLACE, MAILBOX_ADD, MAILBOX_REMOVE };
int mailbox_store(struct mailbox *m, const uint32_t *which, size_t n, enum mailbox_store how,
	uint64_t letters, uint64_t keywords) PB_MUST_CHECK;

/* Remove messages (by index) for good; they become MESSAGE_GONE.  */
int mailbox_expunge(struct mailbox *m, const uint32_t *which, size_t n) PB_MUST_CHECK;

/*
 * Add messages to the mailbox at `path` below rootfd, all or none.  The new
 * UIDs are first … first + n - 1, durable on return.
 */
struct mailbox_added {
	uint32_t uidvalidity;
	uint32_t first_uid;
	uint32_t count;
};

/*
 * One message, in pieces: begin makes a file in tmp/, write appends (CRLF as
 * it comes), commit makes it a message, abort removes it.  Errors of write
 * are sticky and reported by commit, which frees *a whatever it returns.
 * date 0: now.  keywords: n names.
 */
struct mailbox_append;
struct mailbox_append *mailbox_append_begin(int rootfd, const char *path) PB_MUST_CHECK;
int mailbox_append_write(struct mailbox_append *a, const void *data, size_t n);
int mailbox_append_commit(struct mailbox_append **a, uint64_t letters, const struct span *keywords,
	size_t n, int64_t date, struct mailbox_added *out) PB_MUST_CHECK;
void mailbox_append_abort(struct mailbox_append **a);

/* Copy messages by link(2) (copying bytes where a link is refused) with flags, keywords and date. */
int mailbox_copy(struct mailbox *m, const uint32_t *which, size_t n, int rootfd, const char *path,
	struct mailbox_added *out) PB_MUST_CHECK;

/* Opaque facts about a message that a session parsed: kept in the cache file. */
bool mailbox_cache_get(struct mailbox *m, size_t i, struct span *out);	/* valid until the next put or sync */
void mailbox_cache_put(struct mailbox *m, size_t i, struct span blob);

/* Write the index now, as close does when it pays.  0 or -1. */
int mailbox_checkpoint(struct mailbox *m);

#endif
