/*
 * rig: a table of file calls that counts, stops, fails, spoils and records.
 *
 * Counted are the calls that change something: creating, writing, cutting,
 * linking, renaming, unlinking and every sync.
 */
#ifndef T_CRASH_RIG_H
#define T_CRASH_RIG_H

#include "base/base.h"
#include "sys/file.h"

/* One fsync or one ordering less.  Each must be caught by some layer. */
enum mutant {
	MUTANT_NONE,
	MUTANT_NO_BODY_SYNC,		/* receiver: fsync of ID.em_ */
	MUTANT_NO_WRITE_OUT,		/* local-deliver: bytes on the device before the links */
	MUTANT_NO_BODY,			/* neither */
	MUTANT_NO_HEADER_SYNC,		/* receiver: fsync of ID.hdr */
	MUTANT_NO_NAME_SYNC,		/* intake, sync_directory: fsync of the folder before ID.hdr */
	MUTANT_NO_ACCEPT_DIR_SYNC,	/* intake, sync_directory: fsync of the folder */
	MUTANT_NO_MAILBOX_SYNC,		/* local-deliver: fsync of new/, or of the message with its links */
	MUTANT_NO_COPY_SYNC,		/* local-deliver: fsync of a copy */
	MUTANT_NO_OUTCOME_SYNC,		/* schedule: fdatasync of done: */
	MUTANT_NO_FINISH_SYNC,		/* schedule: fsync between .hdr and .eml */
	MUTANT_FINISH_BACKWARDS,	/* schedule: .eml before .hdr */
	MUTANT_ABORT_BACKWARDS,		/* intake: .em_ before .hdr */
	MUTANT_NO_ABORT_SYNC,		/* intake: fsync between them */
	MUTANT_NO_MARK_SYNC,		/* ids: fsync of the new mark */
	MUTANT_NO_MARK_DIR_SYNC,	/* ids: fsync of its directory */
	MUTANT_NO_CUT,			/* schedule: torn tail stays */
	MUTANT_DONE_TOO_EARLY,		/* done: before the mailbox is synced */
	MUTANT_PROMISE_TOO_EARLY,	/* 250 before the mailbox is synced */
	MUTANT_COUNT
};
extern const char *const mutant_names[MUTANT_COUNT];

enum rig_stop { RIG_RUN, RIG_STOP_BEFORE, RIG_STOP_AFTER };

struct rig {
	long *count;			/* calls so far; in shared memory */
	long stop_at;			/* 0: never */
	enum rig_stop stop;
	void (*stop_action)(void);	/* does not return; NULL: SIGKILL */
	long fail_at;			/* this call fails … */
	bool fail_on;			/* … and all that need space from there on */
	int fail_error;
	bool exdev;			/* link fails: copies are made */
	enum mutant mutant;
	int phase;			/* which step of the story runs, for the mutants */
	/* called after every call that succeeded; NULL: none */
	const struct rig_recorder *recorder;
};
extern struct rig rig;

struct rig_recorder {
	void (*opened)(int fd, int dirfd, const char *path, int flags);
	void (*wrote)(int fd, const void *data, size_t n, off_t at);
	void (*cut)(int fd, off_t size);
	void (*synced)(int fd, bool data_only);
	void (*written_out)(int fd);
	void (*dir_synced)(int fd);
	void (*linked)(int newdir, const char *name, int olddir, const char *old);
	void (*renamed)(int olddir, const char *old, int newdir, const char *name);
	void (*unlinked)(int dirfd, const char *name);
};

enum { PHASE_OTHER, PHASE_RECEIVE, PHASE_BODY, PHASE_HEADER, PHASE_ACCEPT, PHASE_DELIVER, PHASE_DURABLE, PHASE_OUTCOME,
	PHASE_FINISH, PHASE_ABORT, PHASE_ID };

/* Put the table in place; rig.* is set by the caller before or after. */
void rig_install(void);
void rig_remove(void);

#endif
