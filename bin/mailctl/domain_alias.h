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

/*
 * Files that were edited by hand: call for every other name of `domain` that is a domain
 * itself (owner = name), or another name of `owner` as well.  names: all domains, sorted.
 */
typedef void domain_alias_conflict(void *ctx, const char *name, const char *domain, const char *owner);
void domain_alias_conflicts(const struct ctl *c, char **names, size_t n, domain_alias_conflict *call, void *ctx);

#endif
