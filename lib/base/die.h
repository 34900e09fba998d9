/*
 * die: the two ways a process ends early.  Neither runs clean-up code.
 */
#ifndef BASE_DIE_H
#define BASE_DIE_H

#include "base/base.h"

/* Where the last line goes; the default writes it to fd 2. */
typedef void die_sink(const char *line);
void die_set_sink(die_sink *sink);
void die_set_program(const char *name);	/* borrowed for the life of the process */

/* A system or set-up error that this process cannot live with: log, _exit(code). */
PB_NORETURN void die(int code, const char *fmt, ...) PB_PRINTF(2, 3);

/* A programming error: log, abort(). */
PB_NORETURN void bug(const char *fmt, ...) PB_PRINTF(1, 2);

PB_NORETURN void die_no_memory(void);

/* Exit codes of every program. */
enum exit_code {
	EXIT_DONE = 0,
	EXIT_REFUSED = 1,
	EXIT_USAGE = 2,
	EXIT_NO_OBJECT = 3,
	EXIT_TRY_LATER = 75,
	EXIT_NO_RIGHT = 77
};

#endif
