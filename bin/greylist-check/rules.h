/*
 * rules: the settings of greylist-check, as threads use them, replaced as a
 * whole when they are read again.
 */
#ifndef GREYLIST_CHECK_RULES_H
#define GREYLIST_CHECK_RULES_H

#include "base/base.h"
#include "config/settings.h"
#include "judge.h"
#include "net/addr.h"

struct rules {
	struct periods periods;
	struct addr_range *exempt;	/* whitelisted for SMTP or greylisting, or needing no log-in */
	size_t exempt_count;
};

/* From the settings; an entry that cannot be read is left out (it was validated when it was set). */
struct rules *rules_new(const struct settings *s);
void rules_free(struct rules **r);

/* True when mail from this address is never delayed. */
bool rules_exempt(const struct rules *r, const struct addr *client);

#endif
