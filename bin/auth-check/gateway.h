/*
 * gateway: passwords of outgoing gateways, for remote-send alone, by two
 * questions over the look-up socket:
 *
 *	gateway-login ADDRESS PORT USER		to send through it
 *	gateway-admin ADDRESS PORT URL USER	to ask for its queue length; URL "-": none is set
 *
 * They name all that the settings say of where the password goes, so that who
 * has read older settings never gets the password of another server.
 * Answer: "OK PASSWORD", or NOTFOUND.
 */
#ifndef AUTH_CHECK_GATEWAY_H
#define AUTH_CHECK_GATEWAY_H

#include "base/base.h"
#include "base/buf.h"
#include "base/span.h"
#include "service/service.h"

/* True when the question is one of those: answered in out, which is to be wiped. */
bool gateway_question(const struct service *svc, uid_t uid, struct span question, struct buf *out) PB_MUST_CHECK;

#endif
