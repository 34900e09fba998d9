/*
 * login: log in at another host (RFC 4954) by the best mechanism that both
 * know: SCRAM-SHA-256, SCRAM-SHA-1 (bound to the TLS channel where the host
 * offers it), CRAM-MD5, PLAIN, LOGIN.  GNU SASL speaks them.
 *
 * PLAIN and LOGIN give the password away, so they are used only inside TLS, or
 * to a loopback address; where g says so only to who has proven who he is.
 */
#ifndef REMOTE_SEND_LOGIN_H
#define REMOTE_SEND_LOGIN_H

#include "base/base.h"
#include "base/verdict.h"
#include "connection.h"

/* What the library loads at first use: before confinement.  False when it does not work. */
bool login_warm_up(void);

/*
 * Log in over an open connection that has greeted.  False: *why, always
 * temporary, says what was wrong: what is set up wrongly here costs no mail.
 * The connection may be open still.
 */
bool login_run(struct connection *c, const struct job_gateway *g, struct verdict *why) PB_MUST_CHECK;

#endif
