/*
 * gateways: servers for which mail is taken in (ROUTE-01, -08, -13, -14), and
 * the valid recipients of their domains, made from the settings before any
 * byte from outside and never changed.
 */
#ifndef SMTP_LISTEN_GATEWAYS_H
#define SMTP_LISTEN_GATEWAYS_H

#include "base/base.h"
#include "config/settings.h"
#include "net/addr.h"
#include "policy/smtp_in.h"

struct service;
struct smtp;
struct smtp_path;

struct gateway {
	size_t number;			/* in incomingGateways/gateway */
	struct addr_range range;	/* backupMx */
	bool is_backup;
	bool peer_mode;
	bool spam_checks;
	int contact;			/* for verification; -1: none is made */
};

struct gateways {
	struct gateway *list;
	size_t count;
	struct addr_range *primaries;	/* whose backup MX we are: smartHosts, and those of the list */
	size_t primary_count;
	const char **recipients;	/* sorted, small letters */
	size_t recipient_count;
};

void gateways_read(struct gateways *g, const struct settings *s);
/* Name those that are asked about recipients to the parent, which connects. */
void gateways_name_contacts(const struct gateways *g, struct service *svc, const struct settings *s);

/* Fill in what is known of a recipient whose domain is not in the directory. */
void gateways_find(struct smtp *c, const struct smtp_path *to, struct policy_rcpt *facts);

/*
 * callout.c: does the server behind `g` have a mailbox of this address?  Asked
 * by an SMTP session that ends before DATA; answers are kept for some minutes.
 * words_out: its refusal, in memory that lives until the next call.
 */
enum policy_known callout_ask(struct smtp *c, const struct gateway *g, struct span address, struct span *words_out);

#endif
