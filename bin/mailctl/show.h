/*
 * show: settings of any scope as rows.
 */
#ifndef MAILCTL_SHOW_H
#define MAILCTL_SHOW_H

#include "base/base.h"
#include "config/settings.h"
#include "config/settings_table.h"
#include "ctl.h"

/*
 * The named settings, one by one up to the first that is unknown, or all of the
 * scope when no name is given; secrets show as "***" when they are set.  Returns
 * an exit code; EXIT_REFUSED when st is NULL, which the reader told already.
 */
int show_settings(const struct ctl *c, const struct settings *st, enum setting_scope scope, char *const *names,
	size_t count);

/* Something beside the settings that is shown as if it were one; texts are borrowed. */
struct show_fact {
	const char *name, *value, *unit, *help;
};
int show_with_fact(const struct ctl *c, const struct settings *st, enum setting_scope scope, char *const *names,
	size_t count, const struct show_fact *fact);

#endif
