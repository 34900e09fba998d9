/*
 * caution: what an administrator should know before a setting takes effect
 * that can lock users out or open the server (SMTPIN-06, -14, -20, -21, -27).
 */
#ifndef MAILCTL_CAUTION_H
#define MAILCTL_CAUTION_H

#include "base/base.h"

/* Say on standard error what the new value means; nothing for most settings. */
void caution(const char *name, const char *value);

/* The same for words "NAME=VALUE". */
void caution_words(size_t count, char *const *words);

#endif
