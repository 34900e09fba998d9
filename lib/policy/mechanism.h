/*
 * mechanism: which SASL mechanisms a client may use now, the same for SMTP,
 * POP3 and IMAP.
 */
#ifndef POLICY_MECHANISM_H
#define POLICY_MECHANISM_H

#include "base/base.h"
#include "base/buf.h"
#include "base/span.h"

struct mechanism_facts {
	const char *announced;		/* what auth-check knows, upper case, parted by blanks */
	const char *plaintext_auth;	/* the setting: never, loopback, always */
	bool no_login;			/* the setting disableAuthLogin */
	bool tls;
	bool is_near;			/* from this machine */
	bool binds;			/* the connection has a channel binding */
	bool has_certificate;		/* the client showed one */
};

enum mechanism_verdict {
	MECHANISM_USABLE,
	MECHANISM_UNKNOWN,	/* nobody here knows it, or it has nothing to count on */
	MECHANISM_OFF,		/* a setting forbids it */
	MECHANISM_NEEDS_TLS	/* after TLS it may be tried */
};

/* name in any case. */
enum mechanism_verdict mechanism_judge(const struct mechanism_facts *f, struct span name);

/* Append those that are usable, each after `before` (" AUTH=" or " "), in the order announced. */
void mechanism_list(const struct mechanism_facts *f, const char *before, struct buf *out);

#endif
