/*
 * mailbox: put one message into one mailbox.
 *
 * The Maildir is found below the domains folder by openat2(2) that follows no
 * symlink and cannot leave it.  The name in new/ is made of the message's
 * time, queue id, recipient number and size, so that a repeated job finds what
 * an earlier one did.  Nothing is durable until the caller has synced.
 */
#ifndef LOCAL_DELIVER_MAILBOX_H
#define LOCAL_DELIVER_MAILBOX_H

#include "base/base.h"
#include "base/span.h"
#include "base/verdict.h"
#include <sys/stat.h>

struct message {
	int spool;		/* descriptor of the spool folder */
	const char *file;	/* below it */
	int fd;			/* the open file, for reading */
	struct stat st;
	uint64_t id;
};

struct placed {
	struct verdict verdict;
	bool linked;		/* a new link of the message's file was made just now */
	bool copied;		/* a copy stands there; its bytes are synced, its name is not */
	int dir;		/* copied, or keep_dir and success: new/, to be synced and closed by the caller; else -1 */
};

/*
 * Place message m for recipient `number` into the mailbox of `address` (canonical,
 * user@domain) below the folder `domains`.  keep_dir: the caller syncs directories.
 */
void mailbox_place(int domains, const struct message *m, uint32_t number, struct span address,
	bool keep_dir, struct placed *out);

#endif
