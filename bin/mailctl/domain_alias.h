/*
 * domain_alias: other names of a domain (USER-05).  A name belongs to one domain
 * alone, as its own or as another name.
 */
#ifndef MAILCTL_DOMAIN_ALIAS_H
#define MAILCTL_DOMAIN_ALIAS_H

#include "base/base.h"
#include "config/config_file.h"
#include "ctl.h"

/* EXIT_REFUSED after a message when `name` is another name of some domain but `domain`. */
int domain_alias_is_free(const struct ctl *c, const char *name, const char *domain);

/*
 * The names in f, settings of `domain` that are about to be saved: not more than
 * maxDomainAliases, each once, and none that is a domain or belongs to one.
 */
int domain_alias_check(const struct ctl *c, const struct config_file *f, const char *domain);

#endif
