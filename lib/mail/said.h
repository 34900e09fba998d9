/*
 * said: what another host said, as the text of a verdict and of what is kept of
 * it in envelopes: "HOST[IP] said: TEXT".  A notification tells the two apart
 * (RFC 3464 2.3.5, 2.3.6).  Pure.
 */
#ifndef MAIL_SAID_H
#define MAIL_SAID_H

#include "base/base.h"
#include "base/span.h"
#include "base/verdict.h"

/* v with host and address before its text; a host that has no name is named by its address alone. */
struct verdict said_verdict(const struct verdict *v, const char *host, const char *ip);

/* Such a text parted again; the spans point into it.  False when it is none. */
bool said_parse(struct span text, struct span *host_out, struct span *words_out) PB_MUST_CHECK;

#endif
