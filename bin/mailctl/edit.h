/*
 * edit: changing settings in an open settings file by their names.
 */
#ifndef MAILCTL_EDIT_H
#define MAILCTL_EDIT_H

#include "base/base.h"
#include "config/config_file.h"
#include "ctl.h"

/*
 * Set one value.  A list takes all its items as one text, comma separated.
 * Also "domainDefaults/NAME" in mailconfig.xml.  Returns an exit code:
 * EXIT_NO_OBJECT for an unknown name, EXIT_REFUSED for a value out of range,
 * with messages in errors.
 */
int edit_set(struct config_file *f, const char *name, const char *value, struct buf *errors);

/* Add to, or remove from, a list: an item, or for records "field=value" words. */
int edit_add(struct config_file *f, const char *name, size_t count, char *const *words, struct buf *errors);
int edit_remove(struct config_file *f, const char *name, size_t count, char *const *words, struct buf *errors);

/* One "field=value" word for a record of the list. */
int edit_field(const struct setting *list, struct xml_node *record, const char *word, struct buf *errors);

/* Records by their place from 0; EXIT_NO_OBJECT when there are not so many (edit_at.c). */
size_t edit_count(const struct config_file *f, const char *list);
int edit_change_at(struct config_file *f, const char *list, size_t at, size_t count, char *const *words,
	struct buf *errors);
int edit_remove_at(struct config_file *f, const char *list, size_t at, struct buf *errors);
/* Set fields of the entries of a list of records that match all of the first words. */
int edit_entry(struct config_file *f, const char *name, size_t match_count, char *const *match,
	size_t count, char *const *words, struct buf *errors);

/* The switch beside a value (attribute enabled). */
int edit_switch(struct config_file *f, const char *name, bool on, struct buf *errors);

/*
 * Open a settings file under its lock (config_edit), let `change` edit it, and save it;
 * an exit code after messages.  The file is saved only for EXIT_DONE.
 */
typedef int edit_fn(struct config_file *f, const void *ctx, struct buf *errors);
int edit_file(struct ctl *c, int lock_dirfd, int dirfd, const char *folder, enum setting_scope scope,
	edit_fn *change, const void *ctx);
/* The same for a file of etc. */
int edit_etc(struct ctl *c, enum setting_scope scope, edit_fn *change, const void *ctx);

/* One setting of the server; the running server is to reload. */
int edit_server(struct ctl *c, const char *name, const char *value);

/* "NAME=VALUE" and "NAME@enabled=True" words, all of them or none. */
int edit_words(struct config_file *f, size_t count, char *const *words, struct buf *errors);

#endif
