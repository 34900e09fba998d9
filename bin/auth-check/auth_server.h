/* auth_server: the socket "auth", the server side of the Dovecot authentication protocol 1.2. */
#ifndef AUTH_CHECK_AUTH_SERVER_H
#define AUTH_CHECK_AUTH_SERVER_H

#include "base/base.h"
#include "exchange.h"
#include "io/loop.h"
#include "refresh.h"
#include "service/service.h"
#include "spaces.h"

/*
 * A failure is told that long after the client's last line, or a multiple of it later: longer
 * than the hash of any form takes that servers commonly make, so that the time of an answer does
 * not tell an account from a name without one, nor how its password is kept.  What takes even
 * longer shows no more than how many times this.
 */
#define AUTH_FAIL_EVERY_MS 500

struct auth_server;

struct auth_server *auth_server_new(struct service *svc, struct loop *loop, struct auth_core *core,
	struct refresh *refresh, struct spaces *spaces);
/* A connection that was accepted; fd is then owned. */
void auth_server_client(struct auth_server *s, int fd);

#endif
