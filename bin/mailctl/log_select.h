/*
 * log_select: which log lines are meant: the names that a selector
 * (lib/policy/selector.h) may use for them.
 *
 *	age		since it was written
 *	ip session	of who caused it ("" for nobody)
 *	text		all behind these, as it stands in the file
 *	event user from to domain host id code status reason message-id name
 *			fields of an event; lines of other kinds have none
 */
#ifndef MAILCTL_LOG_SELECT_H
#define MAILCTL_LOG_SELECT_H

#include "base/base.h"
#include "logs.h"
#include "policy/selector.h"

/* NULL after a message on standard error. */
struct selector *log_selector(const char *text);

/* now: seconds since 1970, for ages. */
bool log_selects(const struct selector *s, const struct log_entry *e, int64_t now);

#endif
