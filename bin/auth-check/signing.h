/*
 * signing: what DKIM needs of the directory (lookup.h).
 *
 *	dkim ACCOUNT AUTHOR			by which keys mail is signed that this account
 *						sent with that address in From:
 *						-> OK DOMAIN RSA-SELECTOR ED25519-SELECTOR, "-" for none
 *	dkim-sign DOMAIN SELECTOR DIGEST	-> OK SIGNATURE (base64) over 64 hex digits
 *
 * Only mail of a domain's own users is signed in its name, and only the program
 * that sends mail may ask.  NOTFOUND: nothing is to be signed.
 */
#ifndef AUTH_CHECK_SIGNING_H
#define AUTH_CHECK_SIGNING_H

#include "base/base.h"
#include "base/buf.h"
#include "base/span.h"
#include "helpers.h"
#include "resolve.h"
#include "service/service.h"

struct signing {
	struct service *svc;
	struct resolver *rs;
	struct helpers *helpers;
};

/* True when the question is one of those above: answered in out. */
bool signing_question(struct signing *s, uid_t uid, struct span question, struct buf *out) PB_MUST_CHECK;

#endif
