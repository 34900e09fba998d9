/*
 * manifest: spool-layout/manifest, the only place where modes are written.
 *
 * It is compiled in, so that an instance works from the first moment.  The
 * table is const and shared; nothing here allocates.
 */
#ifndef CONFIG_MANIFEST_H
#define CONFIG_MANIFEST_H

#include "base/base.h"

struct manifest_entry {
	char type;		/* d, f, s, q, g as in the file */
	bool at_init;		/* made by `mailctl init` */
	const char *path;	/* below the root; "*" is any text within one component */
	const char *owner;	/* service user ("root", "pbmail" ...) */
	const char *group;
	mode_t mode;
};

extern const struct manifest_entry manifest_table[];
extern const size_t manifest_count;

/* The entry whose path is or matches this relative path; NULL when none does. */
const struct manifest_entry *manifest_find(const char *path);

/*
 * Who owns an entry in this process's kind of instance: when euid is not 0
 * everything belongs to the one uid and gid of the process.  Returns 0, or -1
 * with errno; ENOENT when the service user does not exist.
 */
int manifest_owner(const struct manifest_entry *e, uid_t *uid_out, gid_t *gid_out) PB_MUST_CHECK;

/*
 * Make the folder `name` below dirfd with owner and mode of the entry that
 * matches `path` (the same folder seen from the root of the instance); one
 * that exists is left as it is.  The parent must exist.  Returns 0, or -1
 * with errno.
 */
int manifest_make_dir(int dirfd, const char *name, const char *path) PB_MUST_CHECK;

/* Give an open file or folder owner and mode of the entry that matches path. */
int manifest_apply(int fd, const char *path) PB_MUST_CHECK;

#endif
