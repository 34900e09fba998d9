/*
 * numbered: adding, editing and deleting records of a list of the server's
 * settings that have no names: their numbers are their places, from 1.
 */
#ifndef MAILCTL_NUMBERED_H
#define MAILCTL_NUMBERED_H

#include "base/base.h"
#include "config/settings.h"
#include "ctl.h"

struct numbered {
	const char *list;		/* "incomingGateways/gateway" */
	/* What no single field can be refused for, in record `at` from 0: an exit code, messages in errors. */
	int (*check)(const struct settings *s, size_t at, struct buf *errors);
	size_t secret_count;		/* at most 2: "field=value" words, also set, that are no arguments */
	char *const *secrets;
};

/* "FIELD=VALUE ...", "NUMBER FIELD=VALUE ...", "NUMBER": the arguments of a command; its exit code. */
int numbered_add(struct ctl *c, const struct numbered *n, size_t count, char *const *words);
int numbered_edit(struct ctl *c, const struct numbered *n, size_t count, char *const *words);
int numbered_delete(struct ctl *c, const struct numbered *n, size_t count, char *const *words);

#endif
