/*
 * password: the rules that a new password must keep (PASS-01, PASS-02).
 */
#ifndef CONFIG_PASSWORD_H
#define CONFIG_PASSWORD_H

#include "base/base.h"
#include "base/buf.h"
#include "base/span.h"
#include "config/settings.h"

enum password_rule {
	PASSWORD_SHORT = 1, PASSWORD_NO_NUMBER = 2, PASSWORD_NO_CAPITAL = 4,
	PASSWORD_NO_LOWER = 8, PASSWORD_NO_SYMBOL = 16, PASSWORD_HAS_NAME = 32
};

/*
 * Mask of the broken rules, 0 when it keeps all.  `server` must carry the
 * settings passwordMinLength and passwordRequire...; `user` is the local part.
 */
unsigned int password_broken_rules(const struct settings *server, struct span password,
	struct span user);

/* Each broken rule in words, one line each. */
void password_explain(const struct settings *server, unsigned int broken, struct buf *out);

#endif
