/*
 * caution: what an administrator should know before a setting takes effect
 * that can lock users out or open the server (SMTPIN-06, -14, -20, -21, -27).
 */
#ifndef MAILCTL_CAUTION_H
#define MAILCTL_CAUTION_H

#include "base/base.h"
#include "config/config_file.h"
#include "ctl.h"

/* Say on standard error what the new value means; nothing for most settings. */
void caution(const char *name, const char *value);

/* The same for words "NAME=VALUE". */
void caution_words(size_t count, char *const *words);

/*
 * Before the settings in f, those of a domain, are saved: can its users still log in,
 * by what it offers and what the server takes?
 */
void caution_log_in(const struct ctl *c, const struct config_file *f, const char *domain);

/* Before disableAuthLogin is set: how many domains offer nothing else? */
void caution_disable_auth_login(const struct ctl *c);

#endif
