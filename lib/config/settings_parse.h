/*
 * settings_parse: records of any scope, for compile.c; programs use settings.h.
 */
#ifndef CONFIG_SETTINGS_PARSE_H
#define CONFIG_SETTINGS_PARSE_H

#include "base/base.h"
#include "config/settings.h"
#include "config/settings_table.h"

/* As settings_parse, with the names of that scope. */
struct settings *settings_parse_scope(enum setting_scope scope, struct span text) PB_MUST_CHECK;

#endif
