/*
 * programs: which user each program runs as.
 */
#ifndef SERVICE_PROGRAMS_H
#define SERVICE_PROGRAMS_H

#include "base/base.h"

struct program {
	const char *name;
	const char *user;	/* "root" for mail-master alone */
};

extern const struct program program_table[];
extern const size_t program_count;

/* NULL for a name that is not in the table. */
const struct program *program_find(const char *name);

#endif
