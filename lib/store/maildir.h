/*
 * The room lib/store: mailboxes of one user.
 *
 *	Maildir/		the INBOX: cur/ new/ tmp/, one file a message (Maildir++)
 *	Maildir/.A.B/		folder A/B, the same inside
 *	.../pillarbox.journal	the truth for UID, UIDVALIDITY, keywords, MODSEQ (journal.h)
 *	.../pillarbox.index	cache of the journal and of facts about files (index.h)
 *	.../pillarbox.cache	what FETCH and SEARCH parsed already, opaque here
 *	.../pillarbox.lock	held for short writes to these
 *	Maildir/subscriptions	names of subscribed folders, one a line
 *	Maildir/maildirsize	quota and use (Maildir++), see quota.h
 *
 * Message files are written once and never changed; system flags stand in
 * their names, so that any Maildir program can share the mailbox.
 *
 * maildir: names of message files, and reaching files safely.  Every open
 * goes through openat2 below a directory descriptor with no symlink followed;
 * what is not a regular file is not a message.
 */
#ifndef STORE_MAILDIR_H
#define STORE_MAILDIR_H

#include "base/base.h"
#include "base/buf.h"
#include "base/span.h"

#define MAILDIR_JOURNAL "pillarbox.journal"
#define MAILDIR_INDEX "pillarbox.index"
#define MAILDIR_CACHE "pillarbox.cache"
#define MAILDIR_LOCK "pillarbox.lock"

/* Longest file name. */
#define MAILDIR_NAME_MAX 255

/*
 * Flag letters as a set: bit 0 is 'A' … bit 25 'Z', bit 32 'a' … bit 57 'z'.
 * Those of Maildir; unknown letters are kept as they are.
 */
#define MAILDIR_BIT(letter) ((uint64_t)1 << ((letter) >= 'a' ? (letter) - 'a' + 32 : (letter) - 'A'))
#define MAILDIR_DRAFT MAILDIR_BIT('D')
#define MAILDIR_FLAGGED MAILDIR_BIT('F')
#define MAILDIR_PASSED MAILDIR_BIT('P')
#define MAILDIR_ANSWERED MAILDIR_BIT('R')
#define MAILDIR_SEEN MAILDIR_BIT('S')
#define MAILDIR_DELETED MAILDIR_BIT('T')
#define MAILDIR_IMAP_FLAGS (MAILDIR_DRAFT | MAILDIR_FLAGGED | MAILDIR_ANSWERED | MAILDIR_SEEN | MAILDIR_DELETED)

/* Where a message file lies and how its name ends. */
enum maildir_where {
	MAILDIR_NEW = 0,	/* new/BASE */
	MAILDIR_CUR = 1,	/* cur/BASE:2,LETTERS, letters in order */
	MAILDIR_CUR_BARE = 2	/* cur/BASE, as some programs leave it */
};

/* A directory entry taken apart. */
struct maildir_name {
	struct span base;
	uint64_t letters;
	bool has_info;		/* there was ":2," */
	bool canonical;		/* maildir_print gives this very name */
};

/* False for names that are no message: empty, or beginning with a dot. */
bool maildir_split(struct span name, struct maildir_name *out) PB_MUST_CHECK;

/* "cur/BASE:2,FS" and so on, NUL-terminated. */
void maildir_print(enum maildir_where where, struct span base, uint64_t letters, struct buf *out);

/*
 * Sizes in a base name: ",S=bytes" (the file) and ",W=bytes" (the wire form,
 * CRLF line ends), as other Maildir programs write them.  0 when absent.
 */
void maildir_sizes(struct span base, uint64_t *file_size, uint64_t *wire_size);

/*
 * A new base name, unique on this host: seconds, microseconds, pid, a counter
 * and random bits, then the sizes (left out when 0).  `tag` (may be "") is put
 * inside, e.g. a queue id with recipient number; [A-Za-z0-9_] only.
 */
void maildir_new_base(const char *tag, uint64_t file_size, uint64_t wire_size, struct buf *out);

/*
 * Open a directory below dirfd; *_file opens a regular file for reading and
 * fails with ELOOP for a symlink, EINVAL for anything that is no regular file;
 * neither ever blocks on a FIFO or device.  A descriptor or -1 with errno.
 */
int maildir_open_dir(int dirfd, const char *path) PB_MUST_CHECK;
int maildir_open_file(int dirfd, const char *path) PB_MUST_CHECK;
int maildir_create_file(int dirfd, const char *path) PB_MUST_CHECK;	/* O_EXCL, 0440, for writing */

/* Make cur, new and tmp below dirfd where missing.  0, or -1 with errno. */
int maildir_make(int dirfd) PB_MUST_CHECK;

/* Count line ends that are a bare LF: wire size = file size + *bare_lf.  0 or -1 with errno. */
int maildir_count_bare_lf(int fd, uint64_t *bare_lf) PB_MUST_CHECK;

#endif
