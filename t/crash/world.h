/*
 * world: a small spool with a few mailboxes, the messages that are sent
 * through it, and the ledger of what was promised.
 *
 * The ledger lives in shared memory, outside of the file system under test:
 * it is what the clients remember after the crash.
 */
#ifndef T_CRASH_WORLD_H
#define T_CRASH_WORLD_H

#include "base/base.h"
#include "base/buf.h"
#include "spool/envelope.h"
#include "spool/spool.h"

enum way {
	WAY_DIRECT,	/* straight through */
	WAY_QUEUE,
	WAY_MIXED,	/* straight through, the last recipient refuses, then the queue */
	WAY_ABORT,	/* given up after the envelope was written */
	WAY_COPY,	/* straight through, but no link can be made */
	WAY_FOREIGN,	/* dropped into the spool by another program before we start */
	WAY_BOUNCE	/* made by schedule for the message before it */
};

#define WORLD_MESSAGES 9
#define WORLD_RCPTS 3
#define WORLD_BOUNCED 4		/* this message fails and is bounced as … */
#define WORLD_BOUNCE 8		/* … this one */
#define WORLD_FOREIGN_ID UINT64_C(20356170)

struct plan {
	enum way way;
	const char *sender;
	const char *rcpt[WORLD_RCPTS + 1];	/* user@local.example, or @remote.example */
};
extern const struct plan world_plan[WORLD_MESSAGES];

struct ledger {
	long calls;			/* counted by the rig */
	struct {
		uint64_t id;
		bool promised;		/* 250 was said */
		bool done_recorded[WORLD_RCPTS];	/* its done: line was durable */
		int sent[WORLD_RCPTS];	/* times a remote host took it */
	} m[WORLD_MESSAGES];
	uint64_t largest_id;
	bool disk_failed;		/* a call was made to fail */
	int lost;			/* calls of the `lost` callback */
	char why[256];			/* of the last one */
};

struct world {
	int root;			/* the directory all is in */
	int spool_fd;
	struct spool *spool;
	struct ledger *ledger;
	bool sync_directory;
	bool waits[WORLD_MESSAGES];	/* schedule has it in memory, to be tried later */
	void (*on_promise)(int k);	/* for the recorder; may be NULL */
	void (*on_recorded)(int k, int i);
};

struct ledger *ledger_new(void);

/* Make the folders and the pair of the other program below root (an empty directory). */
void world_make(int root);
/* Open the spool; -1 with errno. */
int world_open(struct world *w, int root, struct ledger *ledger, bool sync_directory);
void world_close(struct world *w);

/* The text of message k; valid until the next call. */
struct span world_text(int k);
/* Which message this text is, or -1. */
int world_which(struct span text);
/* Which message has this id, or -1. */
int world_which_id(const struct ledger *l, uint64_t id);

bool world_is_local(struct span address);
bool world_is_nobody(struct span address);
/* "mail/USER/Maildir" below root. */
void world_mailbox(struct span address, char out[64]);

/* Everything that happens, from the first message to an empty queue. */
void story(struct world *w);
/* Deliver all that is in the queue; now: for the scan.  first: put off everything once. */
void drain(struct world *w, int64_t now, bool recovering);

/* Bring a crashed world to rest and compare it with the ledger.  True when all
 * invariants hold; else why is filled. */
bool recover_and_check(int root, struct ledger *l, bool sync_directory, char *why, size_t size);
/* I3 and I4, before anything is repaired. */
bool check_as_it_lies(int root, const struct ledger *l, char *why, size_t size);

/* Remove everything below dirfd. */
void empty_directory(int dirfd);

#endif
