/*
 * compile: from XML to what programs read (settings.h).
 *
 * mail-master never parses XML.  Its child without rights gets mailconfig.xml
 * as an open descriptor, runs compile_child, and writes one block per program
 * to a pipe; mail-master takes the blocks with compile_take and stores them as
 * run/settings/PROGRAM.  The parent checks names and lengths only; each program
 * checks its own text again when it reads it.
 */
#ifndef CONFIG_COMPILE_H
#define CONFIG_COMPILE_H

#include "base/base.h"
#include "base/buf.h"
#include "config/bypass.h"
#include "config/settings.h"
#include "config/settings_table.h"
#include "config/xml.h"

/*
 * Append the record of all settings of a scope that one program may see (bit
 * of enum setting_program; 0 = all of the scope).  The document must have
 * passed config_validate.  False when out is full.
 */
bool compile_record(const struct xml *x, enum setting_scope scope, unsigned int program,
	struct buf *out) PB_MUST_CHECK;

/*
 * The same as look-ups: how auth-check and mailctl read a domain, its aliases
 * or a user.  settings_text(s, "passwordHash") and so on; names of the scope.
 * Reads the open file, validates, and returns NULL with messages in errors.
 */
struct settings *compile_read(int fd, enum setting_scope scope, const char *shown,
	struct buf *errors) PB_MUST_CHECK;
struct settings *compile_settings(const struct xml *x, enum setting_scope scope) PB_MUST_CHECK;

/*
 * Body of the rightless child: read xml_fd (-1: no file, all defaults), write
 * to out_fd, return the exit code: EXIT_DONE, or EXIT_REFUSED after an error
 * block.  `shown` is the name for messages.
 */
int compile_child(int xml_fd, const char *shown, int out_fd);

/* The same; greylist-check gets the entries of the files of bypass.h too: open, -1 for one that is not there. */
int compile_child_with(int xml_fd, const char *shown, const int bypass_fds[BYPASS_FILES], int out_fd);

/*
 * Read all of the child's answer.  take is called once per program with the
 * text for run/settings/PROGRAM (a name of setting_programs).  Returns 0 only
 * when every program came; -1 with messages in errors, and then what came must
 * not be used.
 */
typedef void compile_taker(void *ctx, const char *program, struct span text);
int compile_take(int fd, compile_taker *take, void *ctx, struct buf *errors) PB_MUST_CHECK;

#endif
