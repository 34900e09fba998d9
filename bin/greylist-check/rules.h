/*
 * rules: the settings of greylist-check, as threads use them.
 *
 * They are replaced as a whole when they are read again; a thread holds those it
 * began a decision with.
 */
#ifndef GREYLIST_CHECK_RULES_H
#define GREYLIST_CHECK_RULES_H

#include "base/base.h"
#include "base/span.h"
#include "config/settings.h"
#include "judge.h"
#include "net/addr_set.h"

enum key_by { KEY_BY_DOMAIN, KEY_BY_NETWORK, KEY_BY_ADDRESS };

/* A server whose backup MX we are (incomingGateways/gateway, mode backupMx). */
struct backup {
	struct addr_range range;
	bool no_greylisting;
};

struct rules {
	struct periods periods;
	enum key_by key_by;
	bool smart_hosts;		/* recipients for whom we are backup MX are judged too */
	struct addr_set white, no_login, bypass;
	struct addr_set gateways;		/* own incoming gateways whose mail is judged by where it came from */
	struct addr_set hops;		/* all own gateways: passed over in Received fields */
	struct backup *backups;		/* in their order, up to the last without greylisting */
	size_t backup_count;
	struct settings *settings;	/* kept for domainForwarding */
	unsigned users;			/* atomic */
};

/* Takes s.  An entry that cannot be read is left out (it was validated when it was set). */
struct rules *rules_new(struct settings *s);

/* The rules of now; to be given back. */
struct rules *rules_hold(void);
void rules_release(struct rules *r);
/* Replace them; takes fresh. */
void rules_replace(struct rules *fresh);

/* Why mail from this address is never delayed, as one word; NULL when it may be. */
const char *rules_exempt(const struct rules *r, const struct addr *client);
/* Is the domain passed on to a server for which greylisting is off (ROUTE-04)? */
bool rules_forward_off(const struct rules *r, struct span domain);

#endif
