/*
 * folder: the folders of one user: names, create, delete, rename, subscribe.
 *
 * A folder name here is UTF-8 with "/" between levels, "INBOX" in any letter
 * case for the top.  On disk a folder A/B is the directory ".A.B" in modified
 * UTF-7 (RFC 3501 5.1.3), in which a dot inside a name stands as "&AC4-".
 *
 * Names are refused (EINVAL) that have an empty part, "." or "..", a control
 * character, "/" by encoding, "*" or "%", are new, cur or tmp, are deeper than
 * LIMIT_FOLDER_DEPTH or longer than a file name can be.
 */
#ifndef STORE_FOLDER_H
#define STORE_FOLDER_H

#include "base/base.h"
#include "base/buf.h"
#include "base/span.h"

#define FOLDER_PATH_SIZE 256

/* Directory below the root for a name; "." for INBOX.  0, or -1 with EINVAL. */
int folder_path(struct span name, char out[FOLDER_PATH_SIZE]) PB_MUST_CHECK;
/* Name of a directory entry; false when the entry is no folder of ours. */
bool folder_name(struct span entry, struct buf *out) PB_MUST_CHECK;

struct folder_list {
	char **names;		/* sorted, INBOX first; owned */
	size_t count;
};
/* All folders, at most LIMIT_FOLDERS.  0, or -1 with errno. */
int folder_list(int rootfd, struct folder_list *out) PB_MUST_CHECK;
int folder_subscribed(int rootfd, struct folder_list *out) PB_MUST_CHECK;
void folder_list_free(struct folder_list *l);

bool folder_exists(int rootfd, struct span name);

/*
 * 0, or -1 with errno: EINVAL (name), EEXIST, ENOENT, EPERM (INBOX cannot be
 * deleted), EDQUOT (LIMIT_FOLDERS).  rename takes the folders below along;
 * renaming INBOX moves its messages and leaves it empty.
 */
int folder_create(int rootfd, struct span name) PB_MUST_CHECK;
int folder_delete(int rootfd, struct span name) PB_MUST_CHECK;
int folder_rename(int rootfd, struct span from, struct span to) PB_MUST_CHECK;
int folder_subscribe(int rootfd, struct span name, bool on) PB_MUST_CHECK;

/* A UIDVALIDITY that this user's mailboxes never had before.  0 on failure, with errno. */
uint32_t folder_new_uidvalidity(int rootfd);

#endif
