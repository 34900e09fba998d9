/*
 * config_file: one settings file: found, checked, read, changed and kept.
 *
 * A file is found under its name in any letter case; two spellings in one
 * folder are an error, a missing file counts as empty (every setting has its
 * default).  It must belong to root or to this process's user, and nobody else
 * may be able to write to it or to its folder (CASES: C03).
 *
 * Messages are lines "FILE:LINE: ELEMENT: text" appended to a struct buf.
 *
 * Crash: a save writes the new text to a temporary name in the same folder
 * with its final owner and mode, fsyncs it, renames it over the old one and
 * fsyncs the folder; the old version was put into the history before.  So a
 * reader sees the old or the new file, whole.
 */
#ifndef CONFIG_CONFIG_FILE_H
#define CONFIG_CONFIG_FILE_H

#include "base/base.h"
#include "base/buf.h"
#include "config/settings_table.h"
#include "config/xml.h"

#define CONFIG_PATH_MAX 640

struct config_file {
	struct xml *xml;
	enum setting_scope scope;
	int dirfd;			/* borrowed from the caller */
	int lock_fd;			/* -1 when opened for reading */
	bool exists;
	char name[64];			/* as spelled in the folder */
	char path[CONFIG_PATH_MAX];	/* from the root of the instance */
};

/* Who changes something and why; history_fd is etc/history. */
struct config_author {
	int history_fd;
	const char *who;
	const char *why;
};

/*
 * Open the file of that scope in the folder dirfd; `folder` is the folder's
 * path from the root of the instance, for messages and the manifest.  Returns
 * false with messages; nothing is to be closed then.
 */
bool config_open(struct config_file *f, int dirfd, const char *folder,
	enum setting_scope scope, struct buf *errors) PB_MUST_CHECK;

/* The same with the lock ".lock" of lock_dirfd held until config_close. */
bool config_edit(struct config_file *f, int lock_dirfd, int dirfd, const char *folder,
	enum setting_scope scope, struct buf *errors) PB_MUST_CHECK;

/* Validate and write what was changed; false with messages, and nothing changed. */
bool config_save(struct config_file *f, const struct config_author *by,
	struct buf *errors) PB_MUST_CHECK;

void config_close(struct config_file *f);

/*
 * True when an open file may be trusted: a regular file of root or of this
 * process's user (or `owner`), not writable by others.  `shown` names it.
 */
bool config_rights(int fd, const char *shown, uid_t owner, struct buf *errors) PB_MUST_CHECK;

/* The element of a field in a record, under either of its names; NULL when there is none. */
struct xml_node *config_field(const struct setting *field, const struct xml_node *record);

/*
 * Check every known element: its value, that it stands there once, counts of
 * lists.  Unknown elements are kept and are no error; warnings (may be NULL)
 * gets a line for each.
 */
bool config_validate(const struct xml *x, enum setting_scope scope, const char *shown,
	struct buf *errors, struct buf *warnings) PB_MUST_CHECK;

#endif
