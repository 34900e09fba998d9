/*
 * settings: what one program may know of the configuration, at run time.
 *
 * mail-master writes run/settings/PROGRAM from the XML (compile.h); a program
 * reads it once before it confines itself.  There is no XML here.  The file
 * names every setting that settings.def lets the program see, defaults
 * included, so asking for any other name is a programming error: bug().
 *
 * Names are the element paths of settings.def ("smtpMaxConnections",
 * "greylisting/blockPeriod").  Numbers keep the unit of settings.def.
 *
 * The text is a record (base/record.h) with the verb "settings" and the keys
 *	set=NAME VALUE		one value
 *	off=NAME		the setting's switch (attribute enabled) is off
 *	list=NAME		a list exists, perhaps empty
 *	item=NAME VALUE		one value of a list
 *	entry=NAME		begins one record of a list of records ...
 *	field=NAME VALUE	... and one of its fields (last path component)
 * It is written by an unprivileged process, so it is read as hostile.
 */
#ifndef CONFIG_SETTINGS_H
#define CONFIG_SETTINGS_H

#include "base/base.h"
#include "base/span.h"

struct settings;

/*
 * Read the whole file from its start and parse it.  NULL with errno: EBADMSG
 * when it is not well formed, EFBIG over LIMIT_SETTINGS, or what read gave.
 */
struct settings *settings_read(int fd) PB_MUST_CHECK;
struct settings *settings_parse(struct span text) PB_MUST_CHECK;	/* NULL: EBADMSG */

/*
 * What a program sees with empty configuration files: for tests, and for one
 * session under inetd without an instance.  An unknown program is a bug.
 */
struct settings *settings_defaults(const char *program);

void settings_free(struct settings **s);

/* Values; texts are NUL-terminated and live until settings_free. */
uint64_t settings_num(const struct settings *s, const char *name);
bool settings_bool(const struct settings *s, const char *name);
const char *settings_text(const struct settings *s, const char *name);	/* "" when empty */
/* The switch beside a value; true for settings that have none. */
bool settings_enabled(const struct settings *s, const char *name);

/* A list of values or of records: how many, and the i-th (past the end: bug). */
size_t settings_count(const struct settings *s, const char *name);
const char *settings_list(const struct settings *s, const char *name, size_t i);
uint64_t settings_list_num(const struct settings *s, const char *name, size_t i);
const char *settings_entry(const struct settings *s, const char *name, size_t i, const char *field);
uint64_t settings_entry_num(const struct settings *s, const char *name, size_t i, const char *field);
bool settings_entry_bool(const struct settings *s, const char *name, size_t i, const char *field);

/*
 * Mail domain, greeting and so on may differ by local address (BIND-05): the
 * host name for this local IP in text form, else the server's hostName.
 */
const char *settings_host_name(const struct settings *s, const char *local_ip);

#endif
