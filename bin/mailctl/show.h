/*
 * show: settings of any scope as rows.
 */
#ifndef MAILCTL_SHOW_H
#define MAILCTL_SHOW_H

#include "base/base.h"
#include "config/settings.h"
#include "config/settings_table.h"
#include "ctl.h"

/* All settings of the scope; secrets show as "***" when they are set. */
void show_settings(const struct ctl *c, const struct settings *st, enum setting_scope scope);

/* One setting: its bare value in text, rows for lists; EXIT_NO_OBJECT for unknown names. */
int show_setting(const struct ctl *c, const struct settings *st, enum setting_scope scope, const char *name);

#endif
