/*
 * role: what this server can be among others (GATE-12 to GATE-17), which parts
 * of the settings make it so, and what an administrator does for each.
 */
#ifndef MAILCTL_ROLE_H
#define MAILCTL_ROLE_H

#include "base/base.h"
#include "base/buf.h"
#include "config/settings.h"

struct role_facts {
	const struct settings *settings;
	size_t domains;			/* hosted */
};

/* One part of a role. */
struct role_part {
	const char *name;
	/* Append what is set; true when it is enough.  NULL: nothing here can tell, it is done elsewhere. */
	bool (*is_done)(const struct role_facts *f, struct buf *found);
	bool makes_it;			/* who has this has the role, or part of it */
	const char *advice;
};

struct role {
	const char *name;
	const char *help;
	const struct role_part *parts;	/* ended by one without a name */
};

extern const struct role roles[];
extern const size_t role_count;

/* NULL when there is none. */
const struct role *role_find(const char *name);

#endif
