/*
 * ip_list: a list of addresses in the settings (blacklist, whitelist,
 * smtpAuthBypass, ipBypasses ...) as a set that is asked.
 *
 * An entry is one address or network in the field `ip`, or all addresses from
 * `ipFrom` to `ipTo`, both included (IPBW-02, IPBW-03, AUTHB-03).
 */
#ifndef SERVICE_IP_LIST_H
#define SERVICE_IP_LIST_H

#include "base/base.h"
#include "config/settings.h"
#include "net/addr_set.h"

/* Entry i of a list of records as a range; false when it cannot be read. */
bool ip_list_entry(const struct settings *s, const char *list, size_t i, struct addr_range *out) PB_MUST_CHECK;

/*
 * Add the entries of a list of records whose truth value `flag` is set (NULL:
 * all of them).  An entry that cannot be read is left out: settings were
 * checked when they were set.
 */
void ip_list_add(struct addr_set *set, const struct settings *s, const char *list, const char *flag);

/* The same for a list of plain networks: proxyTrusted/address. */
void ip_list_add_plain(struct addr_set *set, const struct settings *s, const char *list);

#endif
